package org.lesionlens;

import static org.lesionlens.Check.equal;
import static org.lesionlens.Check.fails;
import static org.lesionlens.Check.near;
import static org.lesionlens.Fixture.HEIGHT;
import static org.lesionlens.Fixture.MODEL;
import static org.lesionlens.Fixture.WIDTH;
import static org.lesionlens.Fixture.expected;

import java.awt.Point;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.DataBufferFloat;
import java.awt.image.DataBufferShort;
import java.awt.image.PixelInterleavedSampleModel;
import java.awt.image.Raster;
import java.awt.image.WritableRaster;
import java.util.Map;

/** Every layout of a BufferedImage is read as it is meant. */
final class BufferedImagesTest {
    private BufferedImagesTest() {}

    private static final byte[] GRAY = Fixture.bytes("gray8.raw");
    private static final byte[] RGB = Fixture.bytes("rgb.raw");

    private static BufferedImage gray8() {
        BufferedImage image = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_BYTE_GRAY);
        image.getRaster().setDataElements(0, 0, WIDTH, HEIGHT, GRAY);
        return image;
    }

    private static BufferedImage rgb(int type) {
        BufferedImage image = new BufferedImage(WIDTH, HEIGHT, type);
        for (int index = 0; index < WIDTH * HEIGHT; index++) {
            int colour = (RGB[3 * index] & 0xff) << 16 | (RGB[3 * index + 1] & 0xff) << 8 | RGB[3 * index + 2] & 0xff;
            image.setRGB(index % WIDTH, index / WIDTH, 0xff000000 | colour);
        }
        return image;
    }

    private static BufferedImage gray(int bands, int dataType, DataBuffer buffer) {
        ColorSpace space = ColorSpace.getInstance(ColorSpace.CS_GRAY);
        ColorModel colors = new ComponentColorModel(space, bands == 2, false,
                bands == 2 ? ColorModel.TRANSLUCENT : ColorModel.OPAQUE, dataType);
        int[] offsets = bands == 2 ? new int[] {0, 1} : new int[] {0};
        PixelInterleavedSampleModel model =
                new PixelInterleavedSampleModel(dataType, WIDTH, HEIGHT, bands, bands * WIDTH, offsets);
        WritableRaster raster = Raster.createWritableRaster(
                model, buffer == null ? model.createDataBuffer() : buffer, new Point(0, 0));
        return new BufferedImage(colors, raster, false, null);
    }

    static void grayIsReadAsStored() {
        Image image = Image.of(gray8());
        equal(image.format(), PixelFormat.GRAY8);
        near(MODEL.classify(image).probability(), expected("gray8.probability"), 1e-5);
    }

    static void colourIsReadInEveryOrder() {
        Map<Integer, PixelFormat> formats = Map.of(
                BufferedImage.TYPE_3BYTE_BGR, PixelFormat.BGR8,
                BufferedImage.TYPE_INT_RGB, PixelFormat.BGRA8,
                BufferedImage.TYPE_INT_ARGB, PixelFormat.BGRA8,
                BufferedImage.TYPE_INT_BGR, PixelFormat.RGBA8,
                BufferedImage.TYPE_4BYTE_ABGR, PixelFormat.BGRA8,
                BufferedImage.TYPE_INT_ARGB_PRE, PixelFormat.BGRA8);
        formats.forEach((type, format) -> {
            Image image = Image.of(rgb(type));
            equal(image.format(), format);
            near(MODEL.classify(image).probability(), expected("rgb.probability"), 1e-5);
        });
    }

    static void transparentColoursAreNotDarkened() {
        BufferedImage image = rgb(BufferedImage.TYPE_INT_ARGB);
        for (int index = 0; index < WIDTH * HEIGHT; index++) {
            int colour = image.getRGB(index % WIDTH, index / WIDTH);
            image.setRGB(index % WIDTH, index / WIDTH, colour & 0xffffff | 0x20000000);
        }
        near(MODEL.classify(image).probability(), expected("rgb.probability"), 1e-5);
    }

    static void partsOfAnImageAreReadWhereTheyLie() {
        int x = 13;
        int y = 7;
        int width = 70;
        int height = 60;
        byte[] part = new byte[width * height];
        for (int row = 0; row < height; row++) {
            System.arraycopy(GRAY, (y + row) * WIDTH + x, part, row * width, width);
        }
        float alone = MODEL.classify(Image.of(part, width, height, PixelFormat.GRAY8)).probability();
        near(MODEL.classify(gray8().getSubimage(x, y, width, height)).probability(), alone, 1e-6);
        byte[] colours = new byte[3 * width * height];
        for (int row = 0; row < height; row++) {
            System.arraycopy(RGB, 3 * ((y + row) * WIDTH + x), colours, 3 * row * width, 3 * width);
        }
        float coloured = MODEL.classify(Image.of(colours, width, height, PixelFormat.RGB8)).probability();
        int[] types = {BufferedImage.TYPE_3BYTE_BGR, BufferedImage.TYPE_INT_RGB, BufferedImage.TYPE_4BYTE_ABGR};
        for (int type : types) {
            near(MODEL.classify(rgb(type).getSubimage(x, y, width, height)).probability(), coloured, 1e-6);
        }
        // To the last pixel of the array.
        BufferedImage corner = rgb(BufferedImage.TYPE_3BYTE_BGR).getSubimage(WIDTH - 40, HEIGHT - 40, 40, 40);
        equal(Image.of(corner).width(), 40);
        MODEL.classify(corner);
    }

    static void deepGrayIsReadWithItsWindow() {
        short[] pixels = Fixture.shorts("gray16.raw");
        BufferedImage unsigned = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_USHORT_GRAY);
        unsigned.getRaster().setDataElements(0, 0, WIDTH, HEIGHT, pixels);
        BufferedImage signed = gray(1, DataBuffer.TYPE_SHORT, new DataBufferShort(pixels, pixels.length));
        float[] values = new float[pixels.length];
        for (int index = 0; index < values.length; index++) {
            values[index] = pixels[index];
        }
        BufferedImage floats = gray(1, DataBuffer.TYPE_FLOAT, new DataBufferFloat(values, values.length));
        double center = expected("window_center");
        double width = expected("window_width");
        Image view = Image.of(signed);
        equal(view.format(), PixelFormat.GRAY_S16);
        near(MODEL.classify(view.window(center, width)).probability(), expected("gray16.probability"), 1e-5);
        view = Image.of(unsigned);
        equal(view.format(), PixelFormat.GRAY16);
        near(MODEL.classify(view.window(center, width)).probability(), expected("gray16.probability"), 1e-5);
        view = Image.of(floats);
        equal(view.format(), PixelFormat.GRAY_F32);
        near(MODEL.classify(view.window(center - 0.5, width - 1)).probability(), expected("gray16.probability"), 1e-5);
    }

    static void grayWithAlphaKeepsItsValues() {
        BufferedImage image = gray(2, DataBuffer.TYPE_BYTE, null);
        for (int index = 0; index < WIDTH * HEIGHT; index++) {
            image.getRaster().setSample(index % WIDTH, index / WIDTH, 0, GRAY[index] & 0xff);
            image.getRaster().setSample(index % WIDTH, index / WIDTH, 1, 255);
        }
        near(MODEL.classify(image).probability(), expected("gray8.probability"), 1e-5);
        BufferedImage wide = gray(1, DataBuffer.TYPE_INT, null);
        fails(IllegalArgumentException.class, () -> Image.of(wide), "data type 3");
    }

    static void palettesAreColours() {
        BufferedImage image = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_BYTE_INDEXED);
        for (int index = 0; index < WIDTH * HEIGHT; index++) {
            image.setRGB(index % WIDTH, index / WIDTH, index % 3 == 0 ? 0xffffffff : 0xffff0000);
        }
        BufferedImage same = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
        same.getGraphics().drawImage(image, 0, 0, null);
        equal(MODEL.classify(image), MODEL.classify(same));
    }

    static void overlaysAreImages() {
        try (Heatmap heatmap = MODEL.heatmap(gray8())) {
            BufferedImage overlay = heatmap.overlay(gray8());
            equal(overlay.getWidth(), WIDTH);
            equal(overlay.getHeight(), HEIGHT);
            equal(overlay.getType(), BufferedImage.TYPE_INT_BGR);
            equal(MODEL.classify(overlay).getClass(), Prediction.class);
        }
    }
}
