// lesionlens for C#: classes over P/Invoke for viewers, such as those built on fo-dicom. Put this file and
// LesionlensNative.cs into a project; they need nothing else. What options and results mean is said in lesionlens.h.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace LesionLens
{
    /// <summary>What the library refused and why: the message says what was wrong and what would be right.</summary>
    public sealed class LesionlensException : Exception
    {
        internal LesionlensException(Status status, string statusName, string message) : base(message)
        {
            Status = status;
            StatusName = statusName;
        }

        /// <summary>What the call came to.</summary>
        public Status Status { get; }

        /// <summary>The status as text, such as "LENS_ERROR_IO".</summary>
        public string StatusName { get; }
    }

    /// <summary>The loaded library.</summary>
    public static class Lesionlens
    {
        /// <summary>Environment variable with the path of liblesionlens.so.</summary>
        public const string Variable = "LESIONLENS_LIBRARY";

        private const int ResolveNow = 2;
        private static readonly object Loading = new object();
        private static bool loaded;

        /// <summary>Path of liblesionlens.so, in place of the environment variable; before anything else is
        /// used.</summary>
        public static string LibraryPath { get; set; }

        /// <summary>The library's version, "major.minor.patch".</summary>
        public static string Version
        {
            get
            {
                Load();
                return FoundVersion();
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static string FoundVersion()
        {
            return TextAt(Native.lens_version());
        }

        [DllImport("libdl.so.2")]
        private static extern IntPtr dlopen(byte[] file, int flags);

        [DllImport("libdl.so.2")]
        private static extern IntPtr dlerror();

        // Mono looks for a library when it compiles a method that calls it. So whatever may be the first to call one of
        // Native's functions does so in a method of its own, which is not compiled before this one has returned.
        internal static void Load()
        {
            lock (Loading)
            {
                if (loaded) return;
                string named = LibraryPath ?? Environment.GetEnvironmentVariable(Variable);
                if (string.IsNullOrEmpty(named)) named = null;
                if (named != null)
                {
                    byte[] file = Utf8(nameof(LibraryPath), System.IO.Path.GetFullPath(named));
                    if (dlopen(file, ResolveNow) == IntPtr.Zero) throw Missing(named + " (" + TextAt(dlerror()) + ")");
                }
                uint found;
                try
                {
                    found = FoundAbiVersion();
                }
                catch (DllNotFoundException error)
                {
                    throw Missing((named ?? Native.Library) + " (" + error.Message + ")");
                }
                if (found != Native.AbiVersion)
                {
                    throw new DllNotFoundException(
                        $"{named ?? Native.Library} has ABI version {found}, these classes are for " +
                        $"{Native.AbiVersion}: take both from the same release");
                }
                loaded = true;
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static uint FoundAbiVersion()
        {
            return Native.lens_abi_version();
        }

        private static DllNotFoundException Missing(string tried)
        {
            return new DllNotFoundException(
                $"liblesionlens.so cannot be loaded; tried: {tried}; set Lesionlens.LibraryPath or the environment " +
                $"variable {Variable} to its path");
        }

        /// <summary>Throws what a status stands for; on the thread that made the call: the message is the
        /// thread's.</summary>
        internal static void Check(int status)
        {
            if (status != (int)Status.Ok)
            {
                string message = TextAt(Native.lens_last_error());
                throw new LesionlensException((Status)status, TextAt(Native.lens_status_name(status)), message);
            }
        }

        internal static byte[] Utf8(string name, string text)
        {
            if (text == null) throw new ArgumentNullException(name);
            int nul = text.IndexOf('\0');
            if (nul >= 0) throw new ArgumentException($"has a NUL character at {nul}", name);
            return Encoding.UTF8.GetBytes(text + '\0');
        }

        internal static string TextAt(IntPtr text)
        {
            int length = 0;
            while (Marshal.ReadByte(text, length) != 0) length++;
            byte[] bytes = new byte[length];
            Marshal.Copy(text, bytes, 0, length);
            return Encoding.UTF8.GetString(bytes);
        }

        /// <summary>A text that a call handed out, which is freed.</summary>
        internal static string Taken(int status, IntPtr text)
        {
            Check(status);
            try
            {
                return TextAt(text);
            }
            finally
            {
                Native.lens_string_free(text);
            }
        }
    }

    /// <summary>A handle of the library's; as a SafeHandle it is never freed under a running call.</summary>
    internal sealed class Handle : SafeHandle
    {
        private readonly Action<IntPtr> free;
        private GCHandle keep;

        /// <param name="keep">What has to live as long, such as a callback; may be null.</param>
        internal Handle(IntPtr address, Action<IntPtr> free, object keep = null) : base(IntPtr.Zero, true)
        {
            this.free = free;
            this.keep = GCHandle.Alloc(keep);
            SetHandle(address);
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        internal object Keep => keep.Target;

        protected override bool ReleaseHandle()
        {
            free(handle);
            keep.Free();
            return true;
        }
    }

    /// <summary>Something of the library's. Freed by Dispose(), or some time after nothing refers to it; disposing
    /// twice is harmless, and a call that is under way on another thread goes on.</summary>
    public abstract class LesionlensObject : IDisposable
    {
        private readonly Handle handle;

        internal LesionlensObject(Handle handle)
        {
            this.handle = handle;
        }

        internal Handle Open => handle.IsClosed ? throw new ObjectDisposedException(GetType().Name) : handle;

        /// <summary>Frees it.</summary>
        public void Dispose()
        {
            handle.Dispose();
        }
    }

    /// <summary>What C reads during one call: pinned arrays, and texts.</summary>
    internal sealed class CallMemory : IDisposable
    {
        private readonly List<GCHandle> pins = new List<GCHandle>();

        internal IntPtr Pin(Array array)
        {
            GCHandle pin = GCHandle.Alloc(array, GCHandleType.Pinned);
            pins.Add(pin);
            return pin.AddrOfPinnedObject();
        }

        internal IntPtr Text(string name, string text)
        {
            return Pin(Lesionlens.Utf8(name, text));
        }

        internal Native.lens_image[] Views(IReadOnlyList<Image> images)
        {
            if (images == null) throw new ArgumentNullException(nameof(images));
            return images.Select((image, index) =>
                (image ?? throw new ArgumentNullException($"images[{index}]")).View(this)).ToArray();
        }

        public void Dispose()
        {
            foreach (GCHandle pin in pins) pin.Free();
            pins.Clear();
        }
    }

    /// <summary>How far a call is. SecondsLeft is negative while unknown.</summary>
    public sealed class Progress
    {
        internal Progress(Native.lens_progress progress)
        {
            Phase = (Phase)progress.phase;
            Done = progress.done;
            Total = progress.total;
            SecondsLeft = progress.seconds_left;
        }

        public Phase Phase { get; }
        public ulong Done { get; }
        public ulong Total { get; }
        public double SecondsLeft { get; }
    }

    /// <summary>Progress and cancellation of one call. What the receiver throws must not pass through C.</summary>
    internal sealed class Watch : IDisposable
    {
        private readonly Native.lens_progress_fn callback;
        private readonly IProgress<Progress> progress;
        private readonly CancellationToken cancellation;
        private readonly Handle token;
        private readonly CancellationTokenRegistration registration;
        private ExceptionDispatchInfo thrown;

        internal Watch(IProgress<Progress> progress, CancellationToken cancellation)
        {
            cancellation.ThrowIfCancellationRequested();
            this.progress = progress;
            this.cancellation = cancellation;
            callback = Report;
            Lesionlens.Check(Native.lens_cancel_token_new(out IntPtr address));
            token = new Handle(address, Native.lens_cancel_token_free);
            registration = cancellation.Register(() => Native.lens_cancel_token_trigger(token));
        }

        internal IntPtr Callback => progress == null ? IntPtr.Zero : Marshal.GetFunctionPointerForDelegate(callback);

        internal IntPtr Token => token.DangerousGetHandle();

        private int Report(IntPtr address, IntPtr userData)
        {
            try
            {
                var told = Marshal.PtrToStructure<Native.lens_progress>(address);
                if (thrown == null) progress.Report(new Progress(told));
            }
            catch (Exception exception)
            {
                thrown = ExceptionDispatchInfo.Capture(exception);
            }
            return thrown == null ? 0 : 1;
        }

        /// <summary>Throws what the receiver threw, else what the status stands for.</summary>
        internal void Check(int status)
        {
            thrown?.Throw();
            if (status == (int)Status.Cancelled) cancellation.ThrowIfCancellationRequested();
            Lesionlens.Check(status);
        }

        public void Dispose()
        {
            registration.Dispose();
            token.Dispose();
            GC.KeepAlive(callback);
        }
    }

    /// <summary>The library set up for a device, precision and number of threads. Thread-safe; models keep it
    /// alive.</summary>
    public sealed class Context : LesionlensObject
    {
        /// <param name="log">Receives log messages, from any thread that calls the library; what it throws is
        /// dropped.</param>
        public Context(ContextOptions options = null, Action<LogLevel, string> log = null)
            : base(Create(options ?? new ContextOptions(), log))
        {
        }

        private static Handle Create(ContextOptions options, Action<LogLevel, string> log)
        {
            Lesionlens.Load();
            return Init(options, log);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static Handle Init(ContextOptions choices, Action<LogLevel, string> log)
        {
            using (var memory = new CallMemory())
            {
                Native.lens_init_options options = choices.Fill(memory);
                options.abi_version = Native.AbiVersion;
                Native.lens_log_fn callback = null;
                if (log != null)
                {
                    callback = (level, message, userData) =>
                    {
                        try
                        {
                            log((LogLevel)level, Lesionlens.TextAt(message));
                        }
                        catch (Exception)
                        {
                            // Nothing may pass through C, and there is nobody to tell: this is where messages go.
                        }
                    };
                    options.log = Marshal.GetFunctionPointerForDelegate(callback);
                }
                Lesionlens.Check(Native.lens_init(ref options, out IntPtr context));
                return new Handle(context, Native.lens_context_free, callback);
            }
        }

        /// <summary>Loads a model: the formats of lens_model_load() in lesionlens.h.</summary>
        public Model LoadModel(string path)
        {
            Handle context = Open;
            Lesionlens.Check(Native.lens_model_load(context, Lesionlens.Utf8(nameof(path), path), out IntPtr model));
            return new Model(new Handle(model, Native.lens_model_free, context.Keep));
        }

        /// <summary>What was found and decided, as JSON.</summary>
        public string Describe()
        {
            return Lesionlens.Taken(Native.lens_context_describe(Open, out IntPtr json), json);
        }
    }

    /// <summary>What the model says of one image.</summary>
    public sealed class Prediction
    {
        internal Prediction(Native.lens_prediction prediction)
        {
            Probability = prediction.probability;
            Logit = prediction.logit;
            Positive = prediction.label == 1;
            Threshold = prediction.threshold;
        }

        /// <summary>Of the positive class, 0 to 1.</summary>
        public float Probability { get; }

        /// <summary>The network's output over the model's temperature, log(p / (1 - p)).</summary>
        public float Logit { get; }

        /// <summary>Whether Probability is greater than Threshold.</summary>
        public bool Positive { get; }

        /// <summary>The one that was used.</summary>
        public float Threshold { get; }
    }

    /// <summary>A trained classifier. Immutable, so thread-safe. Calls block; give them to Task.Run() or use the
    /// ...Async ones, which do.</summary>
    public sealed class Model : LesionlensObject
    {
        internal Model(Handle handle) : base(handle)
        {
        }

        /// <summary>Classifies one image.</summary>
        public Prediction Classify(Image image)
        {
            return Classify(new[] { image })[0];
        }

        /// <summary>Classifies images. OperationCanceledException when cancelled.</summary>
        public Prediction[] Classify(
            IReadOnlyList<Image> images,
            ClassifyOptions options = null,
            IProgress<Progress> progress = null,
            CancellationToken cancellation = default(CancellationToken))
        {
            Handle model = Open;
            using (var memory = new CallMemory())
            using (var watch = new Watch(progress, cancellation))
            {
                Native.lens_image[] views = memory.Views(images);
                Native.lens_classify_options filled = (options ?? new ClassifyOptions()).Fill(memory);
                filled.progress = watch.Callback;
                filled.cancel = watch.Token;
                var predictions = new Native.lens_prediction[views.Length];
                watch.Check(Native.lens_classify(model, views, (UIntPtr)views.Length, ref filled, predictions));
                return predictions.Select(prediction => new Prediction(prediction)).ToArray();
            }
        }

        public Task<Prediction[]> ClassifyAsync(
            IReadOnlyList<Image> images,
            ClassifyOptions options = null,
            IProgress<Progress> progress = null,
            CancellationToken cancellation = default(CancellationToken))
        {
            return Task.Run(() => Classify(images, options, progress, cancellation), cancellation);
        }

        /// <summary>Draws a heatmap of one image.</summary>
        public Heatmap Heatmap(Image image, HeatmapOptions options = null)
        {
            return Heatmaps(new[] { image }, options)[0];
        }

        /// <summary>Draws a heatmap of each image, such as the frames of a cine.</summary>
        public Heatmap[] Heatmaps(
            IReadOnlyList<Image> images,
            HeatmapOptions options = null,
            IProgress<Progress> progress = null,
            CancellationToken cancellation = default(CancellationToken))
        {
            Handle model = Open;
            using (var memory = new CallMemory())
            using (var watch = new Watch(progress, cancellation))
            {
                Native.lens_image[] views = memory.Views(images);
                Native.lens_heatmap_options filled = (options ?? new HeatmapOptions()).Fill(memory);
                filled.progress = watch.Callback;
                filled.cancel = watch.Token;
                var maps = new IntPtr[views.Length];
                watch.Check(Native.lens_heatmap(model, views, (UIntPtr)views.Length, ref filled, maps));
                return maps.Select(map => new Heatmap(map)).ToArray();
            }
        }

        public Task<Heatmap[]> HeatmapsAsync(
            IReadOnlyList<Image> images,
            HeatmapOptions options = null,
            IProgress<Progress> progress = null,
            CancellationToken cancellation = default(CancellationToken))
        {
            return Task.Run(() => Heatmaps(images, options, progress, cancellation), cancellation);
        }

        /// <summary>Architecture, SHA-256 of the weights, preprocessing, threshold and training record, as
        /// JSON.</summary>
        public string Describe()
        {
            return Lesionlens.Taken(Native.lens_model_describe(Open, out IntPtr json), json);
        }
    }
}
