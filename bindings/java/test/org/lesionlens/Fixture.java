package org.lesionlens;

import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;

/** The model, the images, and what other programs say of them (ffi-tests/viewers/expected.py). */
final class Fixture {
    static final Path DIRECTORY = Path.of(System.getProperty("lesionlens.test.directory"));
    private static final Properties EXPECTED = properties();
    static final int WIDTH = (int) expected("width");
    static final int HEIGHT = (int) expected("height");
    static final HeatmapOptions HEATMAP =
            new HeatmapOptions().tileSize((int) expected("tile_size")).stride((int) expected("stride"));
    static final Context CONTEXT = new Context(new ContextOptions().device(Device.CPU));
    static final Model MODEL = CONTEXT.loadModel(DIRECTORY.resolve("model.safetensors"));

    private Fixture() {}

    private static Properties properties() {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(DIRECTORY.resolve("expected.properties"))) {
            properties.load(reader);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return properties;
    }

    static double expected(String name) {
        return Double.parseDouble(EXPECTED.getProperty(name));
    }

    static byte[] bytes(String name) {
        try {
            return Files.readAllBytes(DIRECTORY.resolve(name));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    static short[] shorts(String name) {
        ByteBuffer bytes = ByteBuffer.wrap(bytes(name)).order(ByteOrder.LITTLE_ENDIAN);
        short[] shorts = new short[bytes.remaining() / 2];
        bytes.asShortBuffer().get(shorts);
        return shorts;
    }

    static Image gray8() {
        return Image.of(bytes("gray8.raw"), WIDTH, HEIGHT, PixelFormat.GRAY8);
    }
}
