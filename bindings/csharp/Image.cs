using System;
using System.Runtime.CompilerServices;

namespace Lesionlens
{
    /// <summary>Pixels in an array, such as fo-dicom's, and how their values become gray (lens_image in lesionlens.h).
    /// Arrays are read where they are, so they must not change during a call.</summary>
    public sealed class Image
    {
        private const int SideLimit = 65536;
        private readonly Array pixels;

        /// <summary>Any format, without gaps unless rowStride (bytes) says otherwise.</summary>
        public Image(byte[] pixels, int width, int height, PixelFormat format = PixelFormat.Gray8, long rowStride = 0)
            : this(pixels, 1, width, height, format, rowStride)
        {
        }

        /// <summary>Unsigned 16-bit gray.</summary>
        public Image(ushort[] pixels, int width, int height) : this(pixels, 2, width, height, PixelFormat.Gray16, 0)
        {
        }

        /// <summary>Signed 16-bit gray.</summary>
        public Image(short[] pixels, int width, int height) : this(pixels, 2, width, height, PixelFormat.GrayS16, 0)
        {
        }

        /// <summary>Gray as 32-bit floats.</summary>
        public Image(float[] pixels, int width, int height) : this(pixels, 4, width, height, PixelFormat.GrayF32, 0)
        {
        }

        private Image(Array pixels, int element, int width, int height, PixelFormat format, long rowStride)
        {
            this.pixels = pixels ?? throw new ArgumentNullException(nameof(pixels));
            if (width < 1 || width > SideLimit || height < 1 || height > SideLimit)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(width), $"the image is {width} x {height}; both must be 1 to {SideLimit}");
            }
            long row = (long)width * Bytes(format);
            Width = width;
            Height = height;
            Format = format;
            RowStride = rowStride == 0 ? row : rowStride;
            if (RowStride < row)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(rowStride),
                    $"rowStride is {rowStride}; rows of {width} pixels of {format} need {row} bytes");
            }
            // C cannot see where an array ends. As a decimal: no stride makes it overflow.
            decimal needed = (decimal)(height - 1) * RowStride + row;
            if ((decimal)pixels.LongLength * element < needed)
            {
                throw new ArgumentException(
                    $"there are {pixels.LongLength * element} bytes of pixels; {width} x {height} of {format} with " +
                    $"rows of {RowStride} bytes need {needed}", nameof(pixels));
            }
        }

        public int Width { get; }
        public int Height { get; }
        public PixelFormat Format { get; }

        /// <summary>Bytes from one row to the next.</summary>
        public long RowStride { get; }

        /// <summary>How many low bits of a 16-bit sample carry the value; 0: all.</summary>
        public int BitsStored { get; set; }

        public double RescaleSlope { get; set; } = 1;
        public double RescaleIntercept { get; set; }

        /// <summary>In rescaled units.</summary>
        public double WindowCenter { get; set; }

        /// <summary>Above 0, for Linear but of GrayF32 at least 1; 0: the full stored range.</summary>
        public double WindowWidth { get; set; }

        /// <summary>What the window does.</summary>
        public WindowFunction WindowFunction { get; set; }

        /// <summary>In the place of a window; null: none.</summary>
        public LookupTable LookupTable { get; set; }

        /// <summary>Bright means low, as in MONOCHROME1.</summary>
        public bool Invert { get; set; }

        /// <summary>Writes a PNG file, atomically; gray as it is seen (rescaled, windowed, inverted).</summary>
        public void WritePng(string path)
        {
            LesionlensLibrary.Load();
            Write(Arguments.Utf8(nameof(path), path));
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Write(byte[] file)
        {
            using (var memory = new CallMemory())
            {
                Native.lens_image view = View(memory);
                LesionlensLibrary.Check(Native.lens_png_write(file, ref view));
            }
        }

        internal static int Bytes(PixelFormat format)
        {
            switch (format)
            {
                case PixelFormat.Gray8: return 1;
                case PixelFormat.Gray16:
                case PixelFormat.GrayS16: return 2;
                case PixelFormat.Rgb8:
                case PixelFormat.Bgr8: return 3;
                case PixelFormat.GrayF32:
                case PixelFormat.Rgba8:
                case PixelFormat.Bgra8: return 4;
                default: throw new ArgumentOutOfRangeException(nameof(format), $"{(int)format} is no PixelFormat");
            }
        }

        internal Native.lens_image View(CallMemory memory)
        {
            var view = new Native.lens_image
            {
                pixels = memory.Pin(pixels),
                width = (uint)Width,
                height = (uint)Height,
                row_stride = (UIntPtr)(ulong)RowStride,
                format = (int)Format,
                bits_stored = Arguments.NotNegative(nameof(BitsStored), BitsStored),
                rescale_slope = RescaleSlope,
                rescale_intercept = RescaleIntercept,
                window_center = WindowCenter,
                window_width = WindowWidth,
                invert = Invert ? 1 : 0,
                window_function = (int)WindowFunction,
            };
            if (LookupTable != null)
            {
                view.lut_values = memory.Pin(LookupTable.Values);
                view.lut_entries = (uint)LookupTable.Values.Length;
                view.lut_first = LookupTable.First;
                view.lut_bits = Arguments.NotNegative(nameof(LookupTable.Bits), LookupTable.Bits);
            }
            return view;
        }
    }
}
