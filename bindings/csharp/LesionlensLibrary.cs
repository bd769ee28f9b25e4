using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Lesionlens
{
    /// <summary>The loaded library.</summary>
    public static class LesionlensLibrary
    {
        /// <summary>Environment variable with the path of liblesionlens.so.</summary>
        public const string EnvironmentVariable = "LESIONLENS_LIBRARY";

        private const int ResolveNow = 2;
        private static readonly object Loading = new object();
        private static bool loaded;

        /// <summary>Path of liblesionlens.so, in place of the environment variable; before anything else is
        /// used.</summary>
        public static string Path { get; set; }

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
                string named = Path ?? Environment.GetEnvironmentVariable(EnvironmentVariable);
                if (string.IsNullOrEmpty(named)) named = null;
                if (named != null)
                {
                    byte[] file = Arguments.Utf8(nameof(Path), System.IO.Path.GetFullPath(named));
                    // Called first, so that .NET does not look it up, and lose the message, behind dlopen().
                    dlerror();
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
                $"liblesionlens.so cannot be loaded; tried: {tried}; set LesionlensLibrary.Path or the environment " +
                $"variable {EnvironmentVariable} to its path");
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

        internal static string TextAt(IntPtr text)
        {
            if (text == IntPtr.Zero) return "";
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
}
