package org.lesionlens;

/** What the library refused and why: the message says what was wrong, with which value, and what would be right. */
public final class LesionlensException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final Status status;
    private final String statusName;

    LesionlensException(Status status, String statusName, String message) {
        super(message);
        this.status = status;
        this.statusName = statusName;
    }

    /** What the call came to; null for a status that only a newer library has. */
    public Status getStatus() {
        return status;
    }

    /** The status as text, such as "LENS_ERROR_IO". */
    public String getStatusName() {
        return statusName;
    }

    @Override
    public String toString() {
        return getClass().getName() + ": " + statusName + ": " + getMessage();
    }
}
