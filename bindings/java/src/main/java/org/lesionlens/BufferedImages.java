package org.lesionlens;

import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.ComponentSampleModel;
import java.awt.image.DataBuffer;
import java.awt.image.DataBufferByte;
import java.awt.image.DataBufferFloat;
import java.awt.image.DataBufferInt;
import java.awt.image.DataBufferShort;
import java.awt.image.DataBufferUShort;
import java.awt.image.DirectColorModel;
import java.awt.image.Raster;
import java.awt.image.SinglePixelPackedSampleModel;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Views of a BufferedImage's pixels: of its own array where the library knows the layout, else of a converted copy. */
final class BufferedImages {
    private BufferedImages() {}

    static Image view(BufferedImage image) {
        Image view = null;
        if (image.getSampleModel() instanceof ComponentSampleModel model
                && image.getColorModel() instanceof ComponentColorModel) {
            view = components(image, model);
        } else if (image.getSampleModel() instanceof SinglePixelPackedSampleModel model
                && image.getColorModel() instanceof DirectColorModel colors) {
            view = packed(image, model, colors);
        }
        return view != null ? view : isGray(image) ? gray(image) : colours(image);
    }

    private static Image components(BufferedImage image, ComponentSampleModel model) {
        Object array = array(image.getRaster().getDataBuffer());
        PixelFormat format = isGray(image) ? grayFormat(array, model) : colourFormat(image, array, model);
        if (format == null || image.getRaster().getDataBuffer().getNumBanks() != 1) {
            return null;
        }
        Raster raster = image.getRaster();
        int x = -raster.getSampleModelTranslateX();
        int y = -raster.getSampleModelTranslateY();
        int first = Arrays.stream(model.getBandOffsets()).min().getAsInt() - model.getBandOffsets()[0];
        int offset = raster.getDataBuffer().getOffset() + model.getOffset(x, y, 0) + first;
        int element = Image.bytes(format) / model.getPixelStride();
        return Image.of(array, offset, image.getWidth(), image.getHeight(),
                (long) model.getScanlineStride() * element, format);
    }

    private static PixelFormat grayFormat(Object array, ComponentSampleModel model) {
        if (model.getNumBands() != 1 || model.getPixelStride() != 1) {
            return null;
        }
        if (array instanceof byte[]) {
            return PixelFormat.GRAY8;
        }
        if (array instanceof float[]) {
            return PixelFormat.GRAY_F32;
        }
        if (array instanceof short[]) {
            return model.getDataType() == DataBuffer.TYPE_SHORT ? PixelFormat.GRAY_S16 : PixelFormat.GRAY16;
        }
        return null;
    }

    private static PixelFormat colourFormat(BufferedImage image, Object array, ComponentSampleModel model) {
        if (!(array instanceof byte[]) || !isPlainRgb(image.getColorModel())
                || model.getPixelStride() != model.getNumBands()) {
            return null;
        }
        int[] offsets = model.getBandOffsets();
        int lowest = Arrays.stream(offsets).min().getAsInt();
        return switch (Arrays.toString(Arrays.stream(offsets).map(offset -> offset - lowest).toArray())) {
            case "[0, 1, 2]" -> PixelFormat.RGB8;
            case "[2, 1, 0]" -> PixelFormat.BGR8;
            case "[0, 1, 2, 3]" -> PixelFormat.RGBA8;
            case "[2, 1, 0, 3]" -> PixelFormat.BGRA8;
            default -> null;
        };
    }

    /** Pixels in an int, which the library reads byte by byte. */
    private static Image packed(BufferedImage image, SinglePixelPackedSampleModel model, DirectColorModel colors) {
        Object array = array(image.getRaster().getDataBuffer());
        if (!(array instanceof int[]) || !isPlainRgb(colors) || ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
            return null;
        }
        PixelFormat format;
        if (colors.getRedMask() == 0xff0000 && colors.getGreenMask() == 0xff00 && colors.getBlueMask() == 0xff) {
            format = PixelFormat.BGRA8;
        } else if (colors.getRedMask() == 0xff && colors.getGreenMask() == 0xff00 && colors.getBlueMask() == 0xff0000) {
            format = PixelFormat.RGBA8;
        } else {
            return null;
        }
        Raster raster = image.getRaster();
        int offset = raster.getDataBuffer().getOffset()
                + model.getOffset(-raster.getSampleModelTranslateX(), -raster.getSampleModelTranslateY());
        return Image.of(array, offset, image.getWidth(), image.getHeight(),
                (long) model.getScanlineStride() * Integer.BYTES, format);
    }

    /** Gray with alpha or gaps: BufferedImage.getRGB() would pass it through a colour profile. */
    private static Image gray(BufferedImage image) {
        int[] samples = image.getRaster().getSamples(0, 0, image.getWidth(), image.getHeight(), 0, (int[]) null);
        switch (image.getSampleModel().getDataType()) {
            case DataBuffer.TYPE_BYTE -> {
                byte[] pixels = new byte[samples.length];
                for (int index = 0; index < pixels.length; index++) {
                    pixels[index] = (byte) samples[index];
                }
                return Image.of(pixels, image.getWidth(), image.getHeight(), PixelFormat.GRAY8);
            }
            case DataBuffer.TYPE_USHORT, DataBuffer.TYPE_SHORT -> {
                boolean signed = image.getSampleModel().getDataType() == DataBuffer.TYPE_SHORT;
                short[] pixels = new short[samples.length];
                for (int index = 0; index < pixels.length; index++) {
                    pixels[index] = (short) samples[index];
                }
                PixelFormat format = signed ? PixelFormat.GRAY_S16 : PixelFormat.GRAY16;
                return Image.of(pixels, image.getWidth(), image.getHeight(), format);
            }
            default -> throw new IllegalArgumentException("gray pixels of data type "
                    + image.getSampleModel().getDataType() + " are not known; use 8 or 16 bits, or one band of float");
        }
    }

    private static Image colours(BufferedImage image) {
        int width = image.getWidth();
        int[] pixels = image.getRGB(0, 0, width, image.getHeight(), null, 0, width);
        return Image.of(pixels, 0, width, image.getHeight(), (long) width * Integer.BYTES, PixelFormat.BGRA8);
    }

    private static boolean isGray(BufferedImage image) {
        return image.getColorModel() instanceof ComponentColorModel colors
                && colors.getColorSpace().getType() == ColorSpace.TYPE_GRAY;
    }

    /** Not premultiplied: that would darken what is transparent. */
    private static boolean isPlainRgb(ColorModel colors) {
        return colors.getColorSpace().isCS_sRGB() && !(colors.hasAlpha() && colors.isAlphaPremultiplied());
    }

    private static Object array(DataBuffer buffer) {
        if (buffer instanceof DataBufferByte bytes) {
            return bytes.getData();
        }
        if (buffer instanceof DataBufferUShort shorts) {
            return shorts.getData();
        }
        if (buffer instanceof DataBufferShort shorts) {
            return shorts.getData();
        }
        if (buffer instanceof DataBufferFloat floats) {
            return floats.getData();
        }
        return buffer instanceof DataBufferInt ints ? ints.getData() : null;
    }
}
