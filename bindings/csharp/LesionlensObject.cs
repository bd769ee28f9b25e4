using System;
using System.Runtime.InteropServices;

namespace Lesionlens
{
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

    /// <summary>A handle of the library's; as a SafeHandle it is never freed under a running call.</summary>
    internal sealed class Handle : SafeHandle
    {
        private readonly Action<IntPtr> free;
        private GCHandle keep;

        /// <param name="address">What the library handed out.</param>
        /// <param name="free">Frees it, once.</param>
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
}
