using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;

namespace Lesionlens
{
    /// <summary>The classes against what the command line and the Python package say, and against misuse.</summary>
    internal static class Tests
    {
        private const double Rounding = 1e-5;
        private static string directory;
        private static string layout;
        private static Dictionary<string, double> expected;
        private static int width, height;
        private static Context context;
        private static Model model;

        private static int Main(string[] arguments)
        {
            directory = arguments[0];
            layout = arguments[1];
            expected = File.ReadAllLines(PathOf("expected.properties")).Select(line => line.Split('=')).ToDictionary(
                parts => parts[0], parts => double.Parse(parts[1], CultureInfo.InvariantCulture));
            width = (int)expected["width"];
            height = (int)expected["height"];
            // Before anything else has loaded the library.
            new ImageFile(PathOf("gray8.png")).Dispose();
            context = new Context(new ContextOptions { Device = Device.Cpu });
            model = context.LoadModel(PathOf("model.safetensors"));
            int failures = 0;
            foreach (MethodInfo test in typeof(Tests).GetMethods(BindingFlags.Static | BindingFlags.Public))
            {
                var watch = System.Diagnostics.Stopwatch.StartNew();
                try
                {
                    test.Invoke(null, null);
                    Console.WriteLine($"{test.Name} ... ok, {watch.ElapsedMilliseconds} ms");
                }
                catch (TargetInvocationException thrown)
                {
                    failures++;
                    Console.WriteLine(test.Name + " ... FAILED: " + thrown.InnerException);
                }
            }
            return failures == 0 ? 0 : 1;
        }

        private static string PathOf(string name) => Path.Combine(directory, name);

        private static byte[] Bytes(string name) => File.ReadAllBytes(PathOf(name));

        private static T[] Elements<T>(string name)
        {
            byte[] bytes = Bytes(name);
            var elements = new T[bytes.Length / Marshal.SizeOf<T>()];
            Buffer.BlockCopy(bytes, 0, elements, 0, bytes.Length);
            return elements;
        }

        private static Image Gray8() => new Image(Bytes("gray8.raw"), width, height);

        private static HeatmapOptions Tiling() => new HeatmapOptions
        {
            TileSize = (int)expected["tile_size"],
            Stride = (int)expected["stride"],
        };

        private static void That(bool holds, string what)
        {
            if (!holds) throw new Exception(what);
        }

        private static void Equal<T>(T found, T wanted)
        {
            That(EqualityComparer<T>.Default.Equals(found, wanted), $"found {found}, expected {wanted}");
        }

        private static void Near(double found, double wanted, double tolerance = Rounding)
        {
            That(Math.Abs(found - wanted) <= tolerance, $"found {found}, expected {wanted}");
        }

        private static T Fails<T>(Action action, params string[] parts) where T : Exception
        {
            try
            {
                action();
            }
            catch (T exception)
            {
                string message = exception.Message;
                foreach (string part in parts) That(message.Contains(part), $"no \"{part}\" in: {message}");
                return exception;
            }
            throw new Exception($"expected {typeof(T).Name}, but nothing was thrown");
        }

        private static void Refused(Status status, Action action, params string[] parts)
        {
            Equal(Fails<LesionlensException>(action, parts).Status, status);
        }

        /// <summary>On the calling thread; System.Progress posts.</summary>
        private sealed class Receiver : IProgress<Progress>
        {
            private readonly Action<Progress> receive;

            internal Receiver(Action<Progress> receive)
            {
                this.receive = receive;
            }

            public void Report(Progress value) => receive(value);
        }

        public static void StructsLieAsInC()
        {
            string[] lines = File.ReadAllLines(layout);
            That(lines.Length > 60, $"only {lines.Length} lines");
            foreach (string line in lines)
            {
                string[] parts = line.Split(' ')[0].Split('.');
                Type type = typeof(Native).GetNestedType(parts[0], BindingFlags.NonPublic);
                long found = parts.Length == 1 ? Marshal.SizeOf(type) : Marshal.OffsetOf(type, parts[1]).ToInt64();
                Equal(line.Split(' ')[0] + " " + found, line);
            }
        }

        public static void ClassifiesAsTheHostDoes()
        {
            Prediction prediction = model.Classify(Gray8());
            Near(prediction.Probability, expected["gray8.probability"]);
            Near(prediction.Logit, expected["gray8.logit"]);
            Equal(prediction.Threshold, 0.5f);
            Equal(prediction.Label, prediction.Probability > 0.5 ? 1 : 0);
            var rgb = new Image(Bytes("rgb.raw"), width, height, PixelFormat.Rgb8);
            Prediction[] both = model.Classify(
                new[] { rgb, Gray8() }, new ClassifyOptions { Threshold = 0.25f, BatchLimit = 1 });
            Near(both[0].Probability, expected["rgb.probability"]);
            Near(both[1].Probability, expected["gray8.probability"]);
            That(both[1].Label == 1 && both[1].Threshold == 0.25f, "the threshold was not taken");
            Equal(model.ClassifyAsync(new Image[0]).Result.Length, 0);
            Near(model.ClassifyAsync(new[] { rgb }).Result[0].Probability, expected["rgb.probability"]);
            Near(model.ClassifyAsync(rgb).Result.Probability, expected["rgb.probability"]);
        }

        public static void GrayOf16BitsHasItsWindow()
        {
            double probability = expected["gray16.probability"];
            double center = expected["window_center"], window = expected["window_width"];
            ushort[] pixels = Elements<ushort>("gray16.raw");
            var windowed = new Image(pixels, width, height) { WindowCenter = center, WindowWidth = window };
            Near(model.Classify(windowed).Probability, probability);
            float plain = model.Classify(new Image(pixels, width, height)).Probability;
            That(Math.Abs(plain - probability) > 1e-3, "no window");
            var signed = new Image(Elements<short>("gray16.raw"), width, height)
            {
                RescaleSlope = 2, RescaleIntercept = -10, BitsStored = 16,
                WindowCenter = 2 * center - 10.5, WindowWidth = 2 * window - 1,
            };
            Near(model.Classify(signed).Probability, probability);
            signed.Invert = true;
            That(Math.Abs(model.Classify(signed).Probability - probability) > 1e-3, "not inverted");
            float[] floats = Bytes("gray8.raw").Select(value => value / 255f).ToArray();
            Near(model.Classify(new Image(floats, width, height)).Probability, expected["gray8.probability"]);
            byte[] bytes = Bytes("rgb.raw");
            var gaps = new byte[(3 * width + 5) * height - 5];
            for (int row = 0; row < height; row++)
            {
                Array.Copy(bytes, 3 * width * row, gaps, (3 * width + 5) * row, 3 * width);
            }
            var strided = new Image(gaps, width, height, PixelFormat.Rgb8, 3 * width + 5);
            Near(model.Classify(strided).Probability, expected["rgb.probability"]);
        }

        public static void HeatmapsAreTheHosts()
        {
            using (Heatmap heatmap = model.Heatmap(Gray8(), Tiling()))
            {
                HeatmapSummary summary = heatmap.Summary;
                Equal(summary.Width, width);
                Equal(summary.Height, height);
                Near(summary.Mean, expected["heatmap.mean"]);
                Near(summary.Maximum, expected["heatmap.maximum"]);
                Near(summary.Prediction.Probability, expected["heatmap.probability"]);
                float[] values = heatmap.Values();
                float[] wanted = Elements<float>("heatmap.raw");
                Equal(values.Length, wanted.Length);
                for (int index = 0; index < values.Length; index++) Near(values[index], wanted[index]);
                Tile[] tiles = heatmap.Tiles();
                Equal(tiles.Length, (int)(expected["heatmap.columns"] * expected["heatmap.rows"]));
                Equal(tiles.Length, summary.Columns * summary.Rows);
                Tile hottest = tiles[summary.HottestTile];
                Near(hottest.X, expected["heatmap.hottest.x"], 0);
                Near(hottest.Y, expected["heatmap.hottest.y"], 0);
                Near(hottest.Probability, expected["heatmap.hottest.probability"]);
                byte[] overlay = heatmap.Overlay(Gray8());
                byte[] coloured = Bytes("overlay.raw");
                Equal(overlay.Length, coloured.Length);
                for (int index = 0; index < overlay.Length; index++) Near(overlay[index], coloured[index], 1);
                byte[] plain = heatmap.Overlay(Gray8(), new OverlayOptions { Alpha = 0, Colormap = Colormap.Jet });
                Equal(plain[4 * 77 + 1], Bytes("gray8.raw")[77]);
                Refused(Status.ErrorArgument, () => heatmap.Overlay(new Image(new byte[4], 2, 2)), "2");
            }
        }

        public static void HeatmapsOfFramesBecomeOne()
        {
            var dark = new Image(new byte[width * height], width, height);
            Heatmap[] frames = model.Heatmaps(new[] { dark, Gray8() }, Tiling());
            AggregatedHeatmap aggregated = Heatmap.Aggregate(frames);
            Heatmap merged = aggregated.Heatmap;
            float[] probabilities = frames.Select(frame => frame.Summary.Prediction.Probability).ToArray();
            Equal(aggregated.BestFrame, probabilities[0] >= probabilities[1] ? 0 : 1);
            float[] first = frames[0].Values(), second = frames[1].Values(), both = merged.Values();
            for (int index = 0; index < both.Length; index++) Equal(both[index], Math.Max(first[index], second[index]));
            Refused(Status.ErrorArgument, () => Heatmap.Aggregate(new Heatmap[0], Aggregate.Mean));
            Fails<ArgumentNullException>(
                () => Heatmap.Aggregate(new[] { merged, null }, Aggregate.Mean), "heatmaps[1]");
            frames[0].Dispose();
            Fails<ObjectDisposedException>(() => Heatmap.Aggregate(frames, Aggregate.Max), "Heatmap");
            Equal(frames[1].Values().Length, second.Length);
        }

        public static void ImageFilesAreRead()
        {
            var file = new ImageFile(PathOf("gray16.png"));
            Equal(file.Frames, 1);
            Image image = file.Image();
            file.Dispose();
            Equal(image.Format, PixelFormat.Gray16);
            image.WindowCenter = expected["window_center"];
            image.WindowWidth = expected["window_width"];
            Near(model.Classify(image).Probability, expected["gray16.probability"]);
            Fails<ObjectDisposedException>(() => file.Image(), "ImageFile");
            Refused(Status.ErrorIo, () => new ImageFile("/nowhere/ö.png"), "/nowhere/ö.png");
            Refused(Status.ErrorArgument, () => new ImageFile(PathOf("gray8.png"), 3), "3");
            Fails<ArgumentOutOfRangeException>(() => new ImageFile(PathOf("gray8.png"), -1), "frame is -1");
            Gray8().WritePng(PathOf("csharp.png"));
            Near(model.Classify(new ImageFile(PathOf("csharp.png")).Image()).Probability, expected["gray8.probability"]);
            Refused(Status.ErrorIo, () => Gray8().WritePng("/nowhere/a.png"), "/nowhere");
        }

        public static void DicomFilesAreReadAsAsked()
        {
            string path = PathOf("viewing.dcm");
            Image sigmoid = new ImageFile(path).Image();
            Equal(sigmoid.WindowFunction, WindowFunction.Sigmoid);
            Near(model.Classify(sigmoid).Probability, expected["sigmoid.probability"]);
            Image table = new ImageFile(path, 0, new ReadOptions { Window = 1 }).Image();
            Equal(table.LookupTable.First, 200);
            Equal(table.LookupTable.Values.Length, 2000);
            Near(model.Classify(table).Probability, expected["table.probability"]);
            var fullRange = new ReadOptions { Display = Display.FullRange };
            Near(model.Classify(new ImageFile(path, 0, fullRange).Image()).Probability,
                expected["full_range.probability"]);
            Refused(Status.ErrorArgument, () => new ImageFile(path, 0, new ReadOptions { Window = 2 }), "window is 2");
            Equal(model.ReadOptions.Display, Display.Viewer);
            Equal(model.ReadOptions.ApplyOrientation, true);
            Near(model.Classify(new ImageFile(path, 0, model.ReadOptions).Image()).Probability,
                expected["sigmoid.probability"]);
        }

        public static void WrongInputIsRefusedBeforeItReachesC()
        {
            var pixels = new byte[100];
            Fails<ArgumentException>(() => new Image(pixels, 10, 11), "100 bytes", "110");
            Fails<ArgumentOutOfRangeException>(() => new Image(pixels, 0, 10), "0 x 10");
            Fails<ArgumentOutOfRangeException>(() => new Image(pixels, int.MaxValue, int.MinValue), "2147483647");
            Fails<ArgumentException>(() => new Image(pixels, 65536, 65536, PixelFormat.Rgba8), "17179869184");
            Fails<ArgumentException>(
                () => new Image(pixels, 10, 10, PixelFormat.Gray8, long.MaxValue), "83010348331692982");
            Fails<ArgumentOutOfRangeException>(() => new Image(pixels, 10, 10, PixelFormat.Gray8, 9), "rowStride is 9");
            Fails<ArgumentOutOfRangeException>(() => new Image(pixels, 10, 10, (PixelFormat)77), "77");
            Fails<ArgumentNullException>(() => new Image((byte[])null, 10, 10), "pixels");
            Fails<ArgumentNullException>(() => model.Classify(new[] { Gray8(), null }), "images[1]");
            Fails<ArgumentNullException>(() => model.Classify((Image[])null), "images");
            Fails<ArgumentNullException>(() => model.Classify((Image)null), "image");
            Fails<ArgumentNullException>(() => context.LoadModel(null), "path");
            var negative = new HeatmapOptions { Stride = -1 };
            Fails<ArgumentOutOfRangeException>(() => model.Heatmap(Gray8(), negative), "Stride is -1");
            Fails<ArgumentException>(() => context.LoadModel("a\0b"), "NUL");
            Fails<ArgumentException>(() => new Context(new ContextOptions { LibtorchDir = "a\0b" }), "NUL");
        }

        public static void WhatTheLibraryRefusesSaysWhy()
        {
            Refused(Status.ErrorIo, () => context.LoadModel("/nowhere/m"), "/nowhere/m");
            Refused(Status.ErrorFormat, () => context.LoadModel(PathOf("gray8.png")));
            Refused(Status.ErrorArgument, () => new Context(new ContextOptions { Threads = 5000 }), "5000");
            var lost = new ContextOptions { LibtorchDir = "/nowhere/ü" };
            Refused(Status.ErrorIo, () => new Context(lost), "/nowhere/ü");
            Refused(Status.ErrorArgument, () => model.Heatmap(Gray8(), new HeatmapOptions { TileSize = 7 }), "7");
            var broken = new Image(new ushort[] { 1, 2, 3, 65535 }, 2, 2) { BitsStored = 5 };
            Equal(Fails<LesionlensException>(() => model.Classify(broken), "image 0").StatusName,
                "LENS_ERROR_ARGUMENT");
        }

        public static void WhatIsDisposedSaysSo()
        {
            var own = new Context(new ContextOptions { Device = Device.Cpu });
            Model loaded = own.LoadModel(PathOf("model.safetensors"));
            own.Dispose();
            own.Dispose();
            Fails<ObjectDisposedException>(() => own.Describe(), "Context");
            // While a call is under way.
            var images = new[] { Gray8(), Gray8(), Gray8() };
            var closing = new Receiver(progress => loaded.Dispose());
            Prediction[] predictions = loaded.Classify(images, new ClassifyOptions { BatchLimit = 1 }, closing);
            Near(predictions[2].Probability, expected["gray8.probability"]);
            Fails<ObjectDisposedException>(() => loaded.Classify(Gray8()), "Model");
        }

        public static void ProgressIsToldAndCancellationStops()
        {
            Image[] images = Enumerable.Repeat(Gray8(), 6).ToArray();
            Image[] many = Enumerable.Repeat(Gray8(), 400).ToArray();
            var small = new ClassifyOptions { BatchLimit = 2 };
            var told = new List<Progress>();
            model.Classify(images, small, new Receiver(told.Add));
            That(told.Count >= 3, $"told {told.Count} times");
            Equal(told.Last().Phase, Phase.Classify);
            Equal(told.Last().Done, 6L);
            Equal(told.Last().Total, 6L);
            var throwing = new Receiver(progress => throw new InvalidTimeZoneException("thrown"));
            Fails<InvalidTimeZoneException>(() => model.Classify(many, small, throwing), "thrown");
            var source = new CancellationTokenSource();
            OperationCanceledException cancelled = Fails<OperationCanceledException>(
                () => model.Classify(many, small, new Receiver(progress => source.Cancel()), source.Token));
            Equal(cancelled.CancellationToken, source.Token);
            Fails<OperationCanceledException>(() => model.Heatmaps(images, cancellationToken: source.Token));
            var other = new CancellationTokenSource(50);
            Task task = model.HeatmapsAsync(
                many, new HeatmapOptions { Stride = 1 }, cancellationToken: other.Token);
            Exception inner = Fails<AggregateException>(() => task.Wait()).InnerException;
            That(inner is OperationCanceledException, "not cancelled: " + inner);
            That(task.IsCanceled, "the task is not cancelled");
        }

        public static void ThreadsShareAModel()
        {
            var own = new Context(new ContextOptions { Device = Device.Cpu, Threads = 1 });
            Model shared = own.LoadModel(PathOf("model.safetensors"));
            shared.Classify(Gray8());
            Func<int> work = () =>
            {
                for (int done = 0; ; done++)
                {
                    try
                    {
                        Near(shared.Classify(Gray8()).Probability, expected["gray8.probability"]);
                        shared.Heatmap(Gray8(), new HeatmapOptions { TileSize = 5 });
                    }
                    catch (LesionlensException error)
                    {
                        That(error.Message.Contains("tile_size is 5"), error.Message);
                    }
                    catch (ObjectDisposedException)
                    {
                        return done;
                    }
                }
            };
            Task<int>[] tasks = Enumerable.Range(0, 3).Select(number => Task.Factory.StartNew(
                work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
            Thread.Sleep(300);
            shared.Dispose();
            own.Dispose();
            foreach (Task<int> task in tasks) That(task.Result > 0, "a thread did nothing");
        }

        public static void WhatIsForgottenIsFreedAndCallbacksLiveOn()
        {
            int logged = 0;
            var options = new ContextOptions { Device = Device.Cpu, LogLevel = LogLevel.Debug };
            Model loaded = new Context(options, (level, message) =>
            {
                if (message.Length > 0) Interlocked.Increment(ref logged);
                throw new InvalidOperationException("from the log");
            }).LoadModel(PathOf("model.safetensors"));
            int before = logged;
            for (int round = 0; round < 5; round++)
            {
                model.Heatmap(Gray8(), Tiling());
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
            loaded.Classify(Gray8());
            That(logged > before, "nothing was logged after the context was collected");
        }

        public static void DescribesItself()
        {
            Equal(LesionlensLibrary.Version.Split('.').Length, 3);
            That(context.Describe().StartsWith("{"), context.Describe());
            That(model.Describe().Contains("model_sha256"), model.Describe());
        }
    }
}
