package org.lesionlens;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import java.nio.file.Path;

/** A decoded image file (DICOM, PNG, JPEG, BMP, WebP, TIFF), for programs without a decoder of their own. Thread-safe. */
public final class ImageFile extends Handle {
    public ImageFile(Path file) {
        this(file, 0);
    }

    /** frame: from 0. */
    public ImageFile(Path file, int frame) {
        this(file, frame, new ReadOptions());
    }

    /** options: for images that a model is to see, its readOptions(). */
    public ImageFile(Path file, int frame, ReadOptions options) {
        super(load(file, Arguments.notNegative("frame", frame), options),
                LesionlensLibrary.library()::lens_image_file_free, null);
    }

    private static Pointer load(Path file, int frame, ReadOptions options) {
        byte[] path = Arguments.utf8("file", file.toString());
        Native.lens_read_options choices = options.fill();
        return LesionlensLibrary.handle(
                handle -> LesionlensLibrary.library().lens_image_file_load(path, frame, choices, handle));
    }

    /** How many frames the file has. */
    public int frames() {
        return use(handle -> {
            IntByReference frames = new IntByReference();
            LesionlensLibrary.check(LesionlensLibrary.library().lens_image_file_get_frames(handle, frames));
            return frames.getValue();
        });
    }

    /** The pixels, copied, with the rescaling, window or lookup table, and inversion that the file asks for. */
    public Image image() {
        return use(handle -> {
            Native.lens_image view = new Native.lens_image();
            LesionlensLibrary.check(LesionlensLibrary.library().lens_image_file_get_view(handle, view));
            return Image.copyOf(view);
        });
    }
}
