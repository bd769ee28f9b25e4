using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Lesionlens
{
    /// <summary>The library set up for a device, precision and number of threads. Thread-safe; models keep it
    /// alive.</summary>
    public sealed class Context : LesionlensObject
    {
        /// <param name="options">null: the defaults.</param>
        /// <param name="log">Receives log messages, from any thread that calls the library; what it throws is
        /// dropped.</param>
        public Context(ContextOptions options = null, Action<LogLevel, string> log = null)
            : base(Create(options ?? new ContextOptions(), log))
        {
        }

        private static Handle Create(ContextOptions options, Action<LogLevel, string> log)
        {
            LesionlensLibrary.Load();
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
                            log((LogLevel)level, LesionlensLibrary.TextAt(message));
                        }
                        catch (Exception)
                        {
                            // Nothing may pass through C, and there is nobody to tell: this is where messages go.
                        }
                    };
                    options.log = Marshal.GetFunctionPointerForDelegate(callback);
                }
                LesionlensLibrary.Check(Native.lens_init(ref options, out IntPtr context));
                return new Handle(context, Native.lens_context_free, callback);
            }
        }

        /// <summary>Loads a model: the formats of lens_model_load() in lesionlens.h.</summary>
        public Model LoadModel(string path)
        {
            Handle context = Open;
            byte[] file = Arguments.Utf8(nameof(path), path);
            LesionlensLibrary.Check(Native.lens_model_load(context, file, out IntPtr model));
            return new Model(new Handle(model, Native.lens_model_free, context.Keep));
        }

        /// <summary>What was found and decided, as JSON.</summary>
        public string Describe()
        {
            return LesionlensLibrary.Taken(Native.lens_context_describe(Open, out IntPtr json), json);
        }
    }
}
