package org.lesionlens;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.awt.image.BufferedImage;
import java.lang.reflect.Array;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/**
 * A view of pixels, and how their values become gray: stored value x slope + intercept, then the window, then
 * inversion; lens_image of the C header says it in full. Nothing is copied before a call, so pixels must not change
 * during one; arrays are copied into native memory for the time of the call, direct buffers are read where they are.
 *
 * <p>Immutable: window(), rescale() and the like return another view of the same pixels.
 */
public final class Image {
    private static final int SIDE_LIMIT = 65536;

    private final Object pixels;
    private final int offset;
    private final int width;
    private final int height;
    private final long rowStride;
    private final PixelFormat format;
    private final Tone tone;

    private record Tone(int bitsStored, double slope, double intercept, Window window, LookupTable table,
            boolean inverted) {
        static final Tone PLAIN = new Tone(0, 1, 0, new Window(0, 0, WindowFunction.LINEAR), null, false);
    }

    private record Window(double center, double width, WindowFunction function) {}

    /** first: the rescaled value of the first entry; 2^bits - 1 is the brightest. */
    private record LookupTable(short[] values, int first, int bits) {
        static LookupTable copyOf(Native.lens_image view) {
            return view.lut_entries == 0 ? null : new LookupTable(
                    view.lut_values.getShortArray(0, view.lut_entries), view.lut_first, view.lut_bits);
        }
    }

    private Image(Object pixels, int offset, int width, int height, long rowStride, PixelFormat format, Tone tone) {
        this.pixels = pixels;
        this.offset = offset;
        this.width = width;
        this.height = height;
        this.rowStride = rowStride;
        this.format = format;
        this.tone = tone;
    }

    /**
     * The pixels of a BufferedImage, as they are stored: gray of 8, 16 (unsigned, signed) or 32 bits (float) and RGB of
     * the usual layouts; anything else that has colours is converted to RGB. Alpha is ignored. An image of 16 bits goes
     * from 0 to 65535 unless it gets a window or stored bits.
     */
    public static Image of(BufferedImage image) {
        return BufferedImages.view(Objects.requireNonNull(image, "image"));
    }

    /** Rows without gaps; samples of more than 8 bits in the machine's byte order. */
    public static Image of(byte[] pixels, int width, int height, PixelFormat format) {
        return of(pixels, 0, width, height, (long) width * bytes(format), format);
    }

    /** Rows without gaps of GRAY16 or GRAY_S16. */
    public static Image of(short[] pixels, int width, int height, PixelFormat format) {
        return of(pixels, 0, width, height, (long) width * bytes(format), format);
    }

    /** Rows without gaps of GRAY_F32. */
    public static Image of(float[] pixels, int width, int height) {
        return of(pixels, 0, width, height, (long) width * Float.BYTES, PixelFormat.GRAY_F32);
    }

    /** Pixels from the buffer's position on, in the machine's byte order; direct, so that nothing is copied. */
    public static Image of(ByteBuffer direct, int width, int height, long rowStride, PixelFormat format) {
        if (!direct.isDirect()) {
            throw new IllegalArgumentException("the buffer is not direct; hand its array over instead");
        }
        return of(direct.slice(), 0, width, height, rowStride, format);
    }

    /** offset: in elements of the array; rowStride: in bytes. */
    static Image of(Object pixels, int offset, int width, int height, long rowStride, PixelFormat format) {
        Image image = new Image(pixels, offset, width, height, rowStride, format, Tone.PLAIN);
        image.check();
        return image;
    }

    static Image copyOf(Native.lens_image view) {
        PixelFormat format = LesionlensLibrary.known(PixelFormat.of(view.format), "pixels of format", view.format);
        long size = (view.height - 1) * view.row_stride + (long) view.width * bytes(format);
        byte[] pixels = view.pixels.getByteArray(0, Math.toIntExact(size));
        WindowFunction function =
                LesionlensLibrary.known(WindowFunction.of(view.window_function), "window function", view.window_function);
        return of(pixels, 0, view.width, view.height, view.row_stride, format).with(new Tone(view.bits_stored,
                view.rescale_slope, view.rescale_intercept,
                new Window(view.window_center, view.window_width, function), LookupTable.copyOf(view),
                view.invert == 1));
    }

    /** The window in rescaled units; width at least 1, for GRAY_F32 above 0; 0: the full stored range. */
    public Image window(double center, double width) {
        return window(center, width, WindowFunction.LINEAR);
    }

    /** The same with a function of its own: width above 0 unless it is LINEAR. Takes the place of a lookup table. */
    public Image window(double center, double width, WindowFunction function) {
        Window window = new Window(center, width, Objects.requireNonNull(function, "function"));
        return with(new Tone(tone.bitsStored, tone.slope, tone.intercept, window, null, tone.inverted));
    }

    /**
     * What is seen for each whole rescaled value, in the place of a window: values are unsigned, 1 to 65536 of them, the
     * first for the rescaled value `first`; 2^bits - 1 is the brightest.
     */
    public Image lookupTable(short[] values, int first, int bits) {
        LookupTable table = new LookupTable(values.clone(), first, Arguments.notNegative("bits", bits));
        return with(new Tone(tone.bitsStored, tone.slope, tone.intercept, Tone.PLAIN.window, table, tone.inverted));
    }

    /** What makes rescaled values of stored ones. */
    public Image rescale(double slope, double intercept) {
        return with(new Tone(tone.bitsStored, slope, intercept, tone.window, tone.table, tone.inverted));
    }

    /** How many low bits of a 16-bit sample carry the value, 1 to 16. */
    public Image bitsStored(int bits) {
        return with(new Tone(Arguments.notNegative("bits", bits), tone.slope, tone.intercept, tone.window, tone.table,
                tone.inverted));
    }

    /** Bright means low, as in MONOCHROME1. */
    public Image inverted() {
        return with(new Tone(tone.bitsStored, tone.slope, tone.intercept, tone.window, tone.table, !tone.inverted));
    }

    public int width() {
        return width;
    }

    public int height() {
        return height;
    }

    public PixelFormat format() {
        return format;
    }

    /** Writes a PNG file, atomically; gray as it is seen (rescaled, windowed, inverted). */
    public void writePng(Path file) {
        byte[] path = Arguments.utf8("file", file.toString());
        try (Views views = new Views(List.of(this))) {
            LesionlensLibrary.check(LesionlensLibrary.library().lens_png_write(path, views.structs()[0]));
        }
    }

    private Image with(Tone other) {
        return new Image(pixels, offset, width, height, rowStride, format, other);
    }

    static int bytes(PixelFormat format) {
        return switch (format) {
            case GRAY8 -> 1;
            case GRAY16, GRAY_S16 -> 2;
            case RGB8, BGR8 -> 3;
            case GRAY_F32, RGBA8, BGRA8 -> 4;
        };
    }

    /** C cannot see where an array ends. */
    private void check() {
        if (width < 1 || width > SIDE_LIMIT || height < 1 || height > SIDE_LIMIT) {
            throw new IllegalArgumentException(
                    "the image is " + width + " x " + height + "; both must be 1 to " + SIDE_LIMIT);
        }
        if (rowStride < (long) width * bytes(format) || rowStride > Integer.MAX_VALUE * 4L) {
            throw new IllegalArgumentException("rowStride is " + rowStride + "; rows of " + width + " pixels of "
                    + format + " need at least " + (long) width * bytes(format) + " bytes");
        }
        long available = length() - (long) offset * elementBytes();
        if (available < needed()) {
            throw new IllegalArgumentException("there are " + available + " bytes of pixels; " + width + " x " + height
                    + " of " + format + " with a rowStride of " + rowStride + " need " + needed());
        }
        if (!(pixels instanceof ByteBuffer) && !fits()) {
            throw new IllegalArgumentException(
                    "pixels of " + format + " cannot be in a " + pixels.getClass().getSimpleName());
        }
    }

    private boolean fits() {
        return switch (format) {
            case GRAY16, GRAY_S16 -> pixels instanceof short[] || pixels instanceof byte[];
            case GRAY_F32 -> pixels instanceof float[] || pixels instanceof byte[];
            case RGBA8, BGRA8 -> pixels instanceof byte[] || pixels instanceof int[];
            default -> pixels instanceof byte[];
        };
    }

    private long needed() {
        return (height - 1) * rowStride + (long) width * bytes(format);
    }

    private int elementBytes() {
        if (pixels instanceof byte[] || pixels instanceof ByteBuffer) {
            return 1;
        }
        return pixels instanceof short[] ? Short.BYTES : Integer.BYTES;
    }

    private long length() {
        if (pixels instanceof ByteBuffer buffer) {
            return buffer.remaining();
        }
        return (long) Array.getLength(pixels) * elementBytes();
    }

    /** Fills a lens_image for one call; memory that it needs goes to copies, to be closed behind the call. */
    void view(Native.lens_image view, List<Memory> copies) {
        view.pixels = pixels instanceof ByteBuffer buffer
                ? com.sun.jna.Native.getDirectBufferPointer(buffer) : copy(copies);
        view.width = width;
        view.height = height;
        view.row_stride = rowStride;
        view.format = format.value;
        view.bits_stored = tone.bitsStored;
        view.rescale_slope = tone.slope;
        view.rescale_intercept = tone.intercept;
        view.window_center = tone.window.center;
        view.window_width = tone.window.width;
        view.window_function = tone.window.function.value;
        view.invert = tone.inverted ? 1 : 0;
        LookupTable table = tone.table;
        if (table != null) {
            if (table.values.length == 0) {
                throw new IllegalArgumentException("the lookup table is empty; it must have 1 to 65536 values");
            }
            Memory memory = new Memory((long) Short.BYTES * table.values.length);
            copies.add(memory);
            memory.write(0, table.values, 0, table.values.length);
            view.lut_values = memory;
            view.lut_entries = table.values.length;
            view.lut_first = table.first;
            view.lut_bits = table.bits;
        }
    }

    private Pointer copy(List<Memory> copies) {
        Memory memory = new Memory(needed());
        copies.add(memory);
        int count = Math.toIntExact((needed() + elementBytes() - 1) / elementBytes());
        if (pixels instanceof byte[] array) {
            memory.write(0, array, offset, count);
        } else if (pixels instanceof short[] array) {
            memory.write(0, array, offset, count);
        } else if (pixels instanceof int[] array) {
            memory.write(0, array, offset, count);
        } else {
            memory.write(0, (float[]) pixels, offset, count);
        }
        return memory;
    }
}
