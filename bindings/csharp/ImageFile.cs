using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Lesionlens
{
    /// <summary>A decoded image file: DICOM, PNG, JPEG, BMP, WebP, TIFF.</summary>
    public sealed class ImageFile : LesionlensObject
    {
        /// <param name="path">DICOM, PNG, JPEG, BMP, WebP or TIFF.</param>
        /// <param name="frame">From 0.</param>
        /// <param name="options">null: the defaults; for images that a model is to see, its ReadOptions.</param>
        public ImageFile(string path, int frame = 0, ReadOptions options = null)
            : base(Load(path, frame, options ?? new ReadOptions()))
        {
        }

        private static Handle Load(string path, int frame, ReadOptions options)
        {
            uint number = Arguments.NotNegative(nameof(frame), frame);
            LesionlensLibrary.Load();
            return Load(Arguments.Utf8(nameof(path), path), number, options);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static Handle Load(byte[] path, uint frame, ReadOptions options)
        {
            using (var memory = new CallMemory())
            {
                Native.lens_read_options filled = options.Fill(memory);
                LesionlensLibrary.Check(Native.lens_image_file_load(path, frame, ref filled, out IntPtr file));
                return new Handle(file, Native.lens_image_file_free);
            }
        }

        /// <summary>How many frames the file has.</summary>
        public int Frames
        {
            get
            {
                LesionlensLibrary.Check(Native.lens_image_file_get_frames(Open, out uint frames));
                return checked((int)frames);
            }
        }

        /// <summary>The pixels, copied, with the rescaling, window or lookup table, and inversion that the file asks
        /// for.</summary>
        public Image Image()
        {
            Handle file = Open;
            bool held = false;
            try
            {
                // The view points into the file's pixels.
                file.DangerousAddRef(ref held);
                LesionlensLibrary.Check(Native.lens_image_file_get_view(file, out Native.lens_image view));
                var format = (PixelFormat)view.format;
                long stride = (long)(ulong)view.row_stride;
                var pixels = new byte[(view.height - 1) * stride + view.width * Lesionlens.Image.Bytes(format)];
                Marshal.Copy(view.pixels, pixels, 0, pixels.Length);
                return new Image(pixels, (int)view.width, (int)view.height, format, stride)
                {
                    BitsStored = (int)view.bits_stored,
                    RescaleSlope = view.rescale_slope,
                    RescaleIntercept = view.rescale_intercept,
                    WindowCenter = view.window_center,
                    WindowWidth = view.window_width,
                    Invert = view.invert == 1,
                    WindowFunction = (WindowFunction)view.window_function,
                    LookupTable = Lesionlens.LookupTable.CopyOf(view),
                };
            }
            finally
            {
                if (held) file.DangerousRelease();
            }
        }
    }
}
