using System;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Threading;

namespace Lesionlens
{
    /// <summary>Progress and cancellation of one call. What the receiver throws must not pass through C.</summary>
    internal sealed class Watch : IDisposable
    {
        private readonly Native.lens_progress_fn callback;
        private readonly IProgress<Progress> progress;
        private readonly CancellationToken cancellationToken;
        private readonly Handle token;
        private readonly CancellationTokenRegistration registration;
        private ExceptionDispatchInfo thrown;

        internal Watch(IProgress<Progress> progress, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            this.progress = progress;
            this.cancellationToken = cancellationToken;
            callback = Report;
            LesionlensLibrary.Check(Native.lens_cancel_token_new(out IntPtr address));
            token = new Handle(address, Native.lens_cancel_token_free);
            registration = cancellationToken.Register(() => Native.lens_cancel_token_trigger(token));
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
            if (status == (int)Status.Cancelled) cancellationToken.ThrowIfCancellationRequested();
            LesionlensLibrary.Check(status);
        }

        public void Dispose()
        {
            registration.Dispose();
            token.Dispose();
            GC.KeepAlive(callback);
        }
    }
}
