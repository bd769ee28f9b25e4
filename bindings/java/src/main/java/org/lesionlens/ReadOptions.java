// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/**
 * Options of ImageFile.load. What is not set has its default.
 *
 * <p>How image files are read. A model keeps what it was trained with, and files that are read for it are read so.
 */
public final class ReadOptions {
    private Display display;
    private Integer window;
    private Boolean applyOrientation;

    /** Which stored values become 0 to 1. Display; default Display.VIEWER. */
    public ReadOptions display(Display display) {
        this.display = display;
        return this;
    }

    /**
     * Which window or VOI lookup table of a DICOM file is used, from 0, the windows in the file's order and then the
     * tables; frames without any take 0. Unused with the full range. Default 0.
     */
    public ReadOptions window(int window) {
        this.window = Arguments.notNegative("window", window);
        return this;
    }

    /**
     * Whether pictures that say that they lie on their side or are mirrored (tag 274 of TIFF and EXIF) are turned, and
     * slices of NIfTI files (by sform or qform) as DICOM images of their plane lie. true: yes, false: no; default
     * true.
     */
    public ReadOptions applyOrientation(boolean applyOrientation) {
        this.applyOrientation = applyOrientation;
        return this;
    }

    Native.lens_read_options fill() {
        Native.lens_read_options options = new Native.lens_read_options();
        LesionlensLibrary.library().lens_read_options_init(options);
        if (display != null) {
            options.display = display.value;
        }
        if (window != null) {
            options.window = window;
        }
        if (applyOrientation != null) {
            options.apply_orientation = applyOrientation ? 1 : 0;
        }
        return options;
    }
}
