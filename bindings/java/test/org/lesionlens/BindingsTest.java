package org.lesionlens;

import static org.lesionlens.Check.equal;
import static org.lesionlens.Check.fails;
import static org.lesionlens.Check.near;
import static org.lesionlens.Check.refused;
import static org.lesionlens.Check.that;
import static org.lesionlens.Fixture.CONTEXT;
import static org.lesionlens.Fixture.DIRECTORY;
import static org.lesionlens.Fixture.HEATMAP;
import static org.lesionlens.Fixture.HEIGHT;
import static org.lesionlens.Fixture.MODEL;
import static org.lesionlens.Fixture.WIDTH;
import static org.lesionlens.Fixture.expected;
import static org.lesionlens.Fixture.gray8;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/** The classes against what the command line and the Python package say, and against misuse. */
final class BindingsTest {
    private static final double ROUNDING = 1e-5;

    private BindingsTest() {}

    public static void main(String[] arguments) throws IllegalAccessException {
        System.exit(Check.run(BindingsTest.class, BufferedImagesTest.class) == 0 ? 0 : 1);
    }

    static void structsLieAsInC() throws Exception {
        Method offset = com.sun.jna.Structure.class.getDeclaredMethod("fieldOffset", String.class);
        offset.setAccessible(true);
        List<String> lines = Files.readAllLines(Path.of(System.getProperty("lesionlens.test.layout")));
        that(lines.size() > 60, "only " + lines.size() + " lines");
        for (String line : lines) {
            String[] parts = line.split("[. ]");
            com.sun.jna.Structure struct = (com.sun.jna.Structure)
                    Class.forName("org.lesionlens.Native$" + parts[0]).getDeclaredConstructor().newInstance();
            Object found = parts.length == 2 ? (Object) struct.size() : offset.invoke(struct, parts[1]);
            equal(line.substring(0, line.indexOf(' ')) + " " + found, line);
        }
    }

    static void classifiesAsTheHostDoes() {
        Prediction prediction = MODEL.classify(gray8());
        near(prediction.probability(), expected("gray8.probability"), ROUNDING);
        near(prediction.logit(), expected("gray8.logit"), ROUNDING);
        equal(prediction.threshold(), 0.5f);
        equal(prediction.label(), prediction.probability() > 0.5 ? 1 : 0);
        Image rgb = Image.of(Fixture.bytes("rgb.raw"), WIDTH, HEIGHT, PixelFormat.RGB8);
        List<Prediction> both = MODEL.classify(List.of(rgb, gray8()), new ClassifyOptions().threshold(0.1f));
        near(both.get(0).probability(), expected("rgb.probability"), ROUNDING);
        near(both.get(1).probability(), expected("gray8.probability"), ROUNDING);
        that(both.get(1).label() == 1 && both.get(1).threshold() == 0.1f, "threshold " + both.get(1));
        equal(MODEL.classify(List.of()), List.of());
        equal(MODEL.classify(List.of(gray8())), List.of(prediction));
    }

    static void grayOf16BitsHasItsWindow() {
        short[] pixels = Fixture.shorts("gray16.raw");
        Image plain = Image.of(pixels, WIDTH, HEIGHT, PixelFormat.GRAY16);
        Image windowed = plain.window(expected("window_center"), expected("window_width"));
        double probability = expected("gray16.probability");
        near(MODEL.classify(windowed).probability(), probability, ROUNDING);
        that(Math.abs(MODEL.classify(plain).probability() - probability) > 1e-3, "the window changes nothing");
        ByteBuffer direct = ByteBuffer.allocateDirect(2 * pixels.length).order(ByteOrder.nativeOrder());
        direct.asShortBuffer().put(pixels);
        Image signed = Image.of(direct, WIDTH, HEIGHT, 2L * WIDTH, PixelFormat.GRAY_S16)
                .rescale(2, -10).window(2 * expected("window_center") - 10.5, 2 * expected("window_width") - 1);
        near(MODEL.classify(signed).probability(), probability, ROUNDING);
        Image twice = windowed.inverted().inverted().bitsStored(12);
        near(MODEL.classify(twice).probability(), probability, ROUNDING);
        that(Math.abs(MODEL.classify(windowed.inverted()).probability() - probability) > 1e-3, "not inverted");
        float[] floats = new float[pixels.length];
        byte[] eight = Fixture.bytes("gray8.raw");
        for (int index = 0; index < floats.length; index++) {
            floats[index] = (eight[index] & 0xff) / 255f;
        }
        near(MODEL.classify(Image.of(floats, WIDTH, HEIGHT)).probability(), expected("gray8.probability"), ROUNDING);
    }

    static void dicomFilesAreReadAsAsked() {
        Path path = DIRECTORY.resolve("viewing.dcm");
        near(MODEL.classify(read(path, new ReadOptions())).probability(), expected("sigmoid.probability"), ROUNDING);
        near(MODEL.classify(read(path, new ReadOptions().window(1))).probability(), expected("table.probability"),
                ROUNDING);
        near(MODEL.classify(read(path, new ReadOptions().display(Display.FULL_RANGE))).probability(),
                expected("full_range.probability"), ROUNDING);
        near(MODEL.classify(read(path, MODEL.readOptions())).probability(), expected("sigmoid.probability"), ROUNDING);
        refused(Status.ERROR_ARGUMENT, () -> new ImageFile(path, 0, new ReadOptions().window(2)), "window is 2");
        Image plain = Image.of(Fixture.shorts("gray16.raw"), WIDTH, HEIGHT, PixelFormat.GRAY16).bitsStored(12);
        Image sigmoid = plain.window(expected("window_center"), expected("window_width"), WindowFunction.SIGMOID);
        near(MODEL.classify(sigmoid).probability(), expected("sigmoid.probability"), ROUNDING);
        short[] table = new short[2000];
        for (int entry = 0; entry < table.length; entry++) {
            table[entry] = (short) (entry % 900);
        }
        near(MODEL.classify(sigmoid.lookupTable(table, 200, 10)).probability(), expected("table.probability"), ROUNDING);
        refused(Status.ERROR_ARGUMENT, () -> MODEL.classify(plain.lookupTable(table, 200, 9)), "entry 512");
        fails(IllegalArgumentException.class, () -> MODEL.classify(plain.lookupTable(new short[0], 0, 8)), "empty");
    }

    private static Image read(Path path, ReadOptions options) {
        try (ImageFile file = new ImageFile(path, 0, options)) {
            return file.image();
        }
    }

    static void imageFilesAreRead() {
        try (ImageFile file = new ImageFile(DIRECTORY.resolve("gray16.png"))) {
            equal(file.frames(), 1);
            Image image = file.image();
            equal(image.format(), PixelFormat.GRAY16);
            file.close();
            Image windowed = image.window(expected("window_center"), expected("window_width"));
            near(MODEL.classify(windowed).probability(), expected("gray16.probability"), ROUNDING);
            fails(IllegalStateException.class, file::frames, "ImageFile is closed");
        }
        refused(Status.ERROR_IO, () -> new ImageFile(Path.of("/nowhere/ö.png")), "/nowhere/ö.png");
        refused(Status.ERROR_ARGUMENT, () -> new ImageFile(DIRECTORY.resolve("gray8.png"), 3), "3");
        fails(IllegalArgumentException.class, () -> new ImageFile(DIRECTORY.resolve("gray8.png"), -1), "frame is -1");
    }

    static void heatmapsAreTheHosts() throws IOException {
        try (Heatmap heatmap = MODEL.heatmap(gray8(), HEATMAP)) {
            HeatmapSummary summary = heatmap.summary();
            equal(summary.width(), WIDTH);
            equal(summary.height(), HEIGHT);
            near(summary.mean(), expected("heatmap.mean"), ROUNDING);
            near(summary.maximum(), expected("heatmap.maximum"), ROUNDING);
            near(summary.prediction().probability(), expected("heatmap.probability"), ROUNDING);
            float[] values = heatmap.values();
            ByteBuffer raw = ByteBuffer.wrap(Fixture.bytes("heatmap.raw")).order(ByteOrder.LITTLE_ENDIAN);
            equal(values.length, WIDTH * HEIGHT);
            for (float value : values) {
                near(value, raw.getFloat(), ROUNDING);
            }
            equal(heatmap.tiles().size(), (int) (expected("heatmap.columns") * expected("heatmap.rows")));
            equal(summary.columns() * summary.rows(), heatmap.tiles().size());
            Tile hottest = heatmap.tiles().get(summary.hottestTile());
            near(hottest.x(), expected("heatmap.hottest.x"), 0);
            near(hottest.y(), expected("heatmap.hottest.y"), 0);
            near(hottest.probability(), expected("heatmap.hottest.probability"), ROUNDING);

            BufferedImage overlay = heatmap.overlay(gray8());
            byte[] rgba = Fixture.bytes("overlay.raw");
            for (int index = 0; index < WIDTH * HEIGHT; index++) {
                int colour = overlay.getRGB(index % WIDTH, index / WIDTH);
                near(colour >> 16 & 0xff, rgba[4 * index] & 0xff, 1);
                near(colour >> 8 & 0xff, rgba[4 * index + 1] & 0xff, 1);
                near(colour & 0xff, rgba[4 * index + 2] & 0xff, 1);
            }
            OverlayOptions invisible =
                    new OverlayOptions().alpha(0).colormap(Colormap.JET).scale(OverlayScale.ABSOLUTE);
            int gray = Fixture.bytes("gray8.raw")[2 * WIDTH + 3] & 0xff;
            equal(heatmap.overlay(gray8(), invisible).getRGB(3, 2) & 0xff, gray);
            Image other = Image.of(new byte[64 * 64], 64, 64, PixelFormat.GRAY8);
            refused(Status.ERROR_ARGUMENT, () -> heatmap.overlay(other), "64 x 64");
        }
    }

    static void heatmapsOfFramesBecomeOne() {
        Image dark = Image.of(new byte[WIDTH * HEIGHT], WIDTH, HEIGHT, PixelFormat.GRAY8);
        List<Heatmap> frames = MODEL.heatmaps(List.of(dark, gray8()), HEATMAP);
        AggregatedHeatmap aggregated = Heatmap.aggregate(frames);
        Prediction firstPrediction = frames.get(0).summary().prediction();
        int best = firstPrediction.probability() >= frames.get(1).summary().prediction().probability() ? 0 : 1;
        equal(aggregated.bestFrame(), best);
        float[] first = frames.get(0).values();
        float[] second = frames.get(1).values();
        float[] merged = aggregated.heatmap().values();
        for (int index = 0; index < merged.length; index++) {
            near(merged[index], Math.max(first[index], second[index]), 0);
        }
        refused(Status.ERROR_ARGUMENT, () -> Heatmap.aggregate(List.of(), Aggregate.MEAN));
        frames.get(0).close();
        fails(IllegalStateException.class, () -> Heatmap.aggregate(frames, Aggregate.MAX), "Heatmap is closed");
        equal(frames.get(1).values().length, second.length);
    }

    static void wrongInputIsRefusedBeforeItReachesC() {
        byte[] pixels = new byte[100];
        fails(IllegalArgumentException.class, () -> Image.of(pixels, 10, 11, PixelFormat.GRAY8), "100 bytes", "110");
        fails(IllegalArgumentException.class, () -> Image.of(pixels, 0, 10, PixelFormat.GRAY8), "0 x 10");
        fails(IllegalArgumentException.class, () -> Image.of(pixels, -10, -10, PixelFormat.GRAY8), "-10 x -10");
        fails(IllegalArgumentException.class,
                () -> Image.of(pixels, Integer.MAX_VALUE, Integer.MAX_VALUE, PixelFormat.RGBA8), "2147483647");
        fails(IllegalArgumentException.class, () -> Image.of(pixels, 65536, 65536, PixelFormat.RGBA8), "17179869184");
        fails(IllegalArgumentException.class, () -> Image.of(new short[100], 10, 10, PixelFormat.GRAY8), "short[]");
        fails(IllegalArgumentException.class,
                () -> Image.of(ByteBuffer.allocate(100), 10, 10, 10, PixelFormat.GRAY8), "not direct");
        fails(IllegalArgumentException.class,
                () -> Image.of(ByteBuffer.allocateDirect(100), 10, 10, 9, PixelFormat.GRAY8), "rowStride is 9");
        fails(IllegalArgumentException.class,
                () -> Image.of(ByteBuffer.allocateDirect(100), 10, 10, 11, PixelFormat.GRAY8), "109");
        fails(NullPointerException.class, () -> Image.of((BufferedImage) null), "image");
        fails(NullPointerException.class,
                () -> MODEL.classify(Collections.singletonList(null)), "images[0]");
        fails(NullPointerException.class, () -> MODEL.classify((List<Image>) null), "images");
        fails(NullPointerException.class, () -> MODEL.classify((Image) null), "image");
        fails(NullPointerException.class, () -> MODEL.heatmap(gray8(), null), "options");
        fails(IllegalArgumentException.class, () -> new HeatmapOptions().stride(-1), "stride is -1");
        fails(IllegalArgumentException.class,
                () -> new Context(new ContextOptions().libtorchDir("a\0b")), "libtorchDir", "1");
    }

    static void whatTheLibraryRefusesSaysWhy() {
        refused(Status.ERROR_IO, () -> CONTEXT.loadModel(Path.of("/nowhere/a.safetensors")), "/nowhere/a.safetensors");
        refused(Status.ERROR_FORMAT, () -> CONTEXT.loadModel(DIRECTORY.resolve("gray8.png")));
        refused(Status.ERROR_ARGUMENT, () -> new Context(new ContextOptions().threads(5000)), "5000");
        refused(Status.ERROR_IO, () -> new Context(new ContextOptions().libtorchDir("/nowhere/ü")), "/nowhere/ü");
        refused(Status.ERROR_ARGUMENT, () -> MODEL.heatmap(gray8(), new HeatmapOptions().tileSize(7)), "7");
        refused(Status.ERROR_ARGUMENT, () -> MODEL.classify(gray8().window(5, -1)), "image 0");
        LesionlensException error = fails(LesionlensException.class, () -> MODEL.classify(gray8().bitsStored(5)));
        equal(error.getStatusName(), "LENS_ERROR_ARGUMENT");
        that(error.toString().contains("LENS_ERROR_ARGUMENT: "), error.toString());
    }

    static void closedHandlesSaySo() {
        Context context = new Context(new ContextOptions().device(Device.CPU));
        Model model = context.loadModel(DIRECTORY.resolve("model.safetensors"));
        context.close();
        context.close();
        fails(IllegalStateException.class, context::describe, "Context is closed");
        near(model.classify(gray8()).probability(), expected("gray8.probability"), ROUNDING);
        Heatmap heatmap = model.heatmap(gray8(), HEATMAP);
        model.close();
        model.close();
        fails(IllegalStateException.class, () -> model.classify(gray8()), "Model is closed");
        equal(heatmap.values().length, WIDTH * HEIGHT);
        heatmap.close();
        fails(IllegalStateException.class, heatmap::values, "Heatmap is closed");
        CancelToken token = new CancelToken();
        token.close();
        fails(IllegalStateException.class, token::trigger, "CancelToken is closed");
    }

    static void progressIsToldAndStops() {
        List<Image> images = Collections.nCopies(6, gray8());
        List<Progress> told = new ArrayList<>();
        MODEL.classify(images, small(told::add));
        that(told.size() >= 3, "told " + told.size() + " times");
        Progress last = told.get(told.size() - 1);
        equal(last.phase(), Phase.CLASSIFY);
        equal(last.done(), 6L);
        equal(last.total(), 6L);
        AtomicInteger calls = new AtomicInteger();
        refused(Status.CANCELLED, () -> MODEL.classify(images, small(progress -> {
            calls.incrementAndGet();
            return false;
        })));
        equal(calls.get(), 1);
        HeatmapOptions throwing = new HeatmapOptions().progress(progress -> {
            throw new UnsupportedOperationException("from the listener");
        });
        fails(UnsupportedOperationException.class, () -> MODEL.heatmaps(images, throwing), "from the listener");
        fails(StackOverflowError.class, () -> MODEL.classify(images, small(progress -> {
            throw new StackOverflowError();
        })));
        // A call from within a call, and a close of what is in use.
        Model own = CONTEXT.loadModel(DIRECTORY.resolve("model.safetensors"));
        List<Prediction> predictions = own.classify(images, small(progress -> {
            MODEL.classify(gray8());
            own.close();
            return true;
        }));
        near(predictions.get(5).probability(), expected("gray8.probability"), ROUNDING);
        fails(IllegalStateException.class, () -> own.classify(gray8()), "Model is closed");
    }

    private static ClassifyOptions small(ProgressListener listener) {
        return new ClassifyOptions().batchLimit(2).progress(listener);
    }

    static void tokensCancelFromOtherThreads() throws Exception {
        try (CancelToken token = new CancelToken()) {
            List<Image> images = Collections.nCopies(200, gray8());
            ClassifyOptions options = new ClassifyOptions().cancel(token);
            refused(Status.CANCELLED, () -> MODEL.classify(images, options.batchLimit(4).progress(progress -> {
                Thread other = new Thread(token::trigger);
                other.start();
                try {
                    other.join();
                } catch (InterruptedException interrupted) {
                    throw new IllegalStateException(interrupted);
                }
                return true;
            })));
            refused(Status.CANCELLED, () -> MODEL.heatmap(gray8(), new HeatmapOptions().cancel(token)));
            token.reset();
            equal(MODEL.classify(List.of(gray8()), options.progress(null)).size(), 1);
        }
    }

    static void threadsShareAModel() throws Exception {
        Context context = new Context(new ContextOptions().device(Device.CPU).threads(1));
        Model model = context.loadModel(DIRECTORY.resolve("model.safetensors"));
        model.classify(gray8());
        Callable<Integer> work = () -> {
            int done = 0;
            try {
                while (true) {
                    near(model.classify(gray8()).probability(), expected("gray8.probability"), ROUNDING);
                    try {
                        model.heatmap(gray8(), new HeatmapOptions().tileSize(5));
                    } catch (LesionlensException error) {
                        that(error.getMessage().contains("tile_size is 5"), error.getMessage());
                        done++;
                    }
                }
            } catch (IllegalStateException closed) {
                return done;
            }
        };
        ExecutorService threads = Executors.newFixedThreadPool(3);
        try {
            List<Future<Integer>> results = List.of(threads.submit(work), threads.submit(work), threads.submit(work));
            Thread.sleep(300);
            model.close();
            context.close();
            for (Future<Integer> result : results) {
                that(result.get() > 0, "a thread did nothing");
            }
        } finally {
            threads.shutdown();
        }
    }

    static void whatIsNotClosedIsFreedAndCallbacksLiveOn() {
        AtomicInteger logged = new AtomicInteger();
        ContextOptions options = new ContextOptions().device(Device.CPU).logLevel(LogLevel.DEBUG);
        Model model = new Context(options.log((level, message) -> {
            that(level != null && !message.isEmpty(), "an empty message");
            logged.incrementAndGet();
        })).loadModel(DIRECTORY.resolve("model.safetensors"));
        int before = logged.get();
        for (int round = 0; round < 5; round++) {
            MODEL.heatmap(gray8(), HEATMAP);
            System.gc();
        }
        model.classify(gray8());
        that(logged.get() > before, "nothing was logged after the context was collected");
    }

    static void describesItself() {
        that(LesionlensLibrary.version().matches("\\d+\\.\\d+\\.\\d+"), LesionlensLibrary.version());
        that(CONTEXT.describe().startsWith("{") && CONTEXT.describe().contains("\"device\""), CONTEXT.describe());
        that(MODEL.describe().contains("model_sha256"), MODEL.describe());
    }

    static void pngFilesAreWritten() throws IOException {
        Path file = DIRECTORY.resolve("java.png");
        gray8().writePng(file);
        BufferedImage read = javax.imageio.ImageIO.read(file.toFile());
        equal(read.getRaster().getSample(7, 5, 0), Fixture.bytes("gray8.raw")[5 * WIDTH + 7] & 0xff);
        refused(Status.ERROR_IO, () -> gray8().writePng(Path.of("/nowhere/a.png")), "/nowhere");
    }
}
