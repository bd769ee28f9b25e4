// Images and heatmaps; part of Lesionlens.cs.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LesionLens
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

        /// <summary>At least 1, for GrayF32 above 0; 0: the full stored range.</summary>
        public double WindowWidth { get; set; }

        /// <summary>Bright means low, as in MONOCHROME1.</summary>
        public bool Invert { get; set; }

        /// <summary>Writes a PNG file, atomically; gray as it is seen (rescaled, windowed, inverted).</summary>
        public void WritePng(string path)
        {
            Lesionlens.Load();
            Write(Lesionlens.Utf8(nameof(path), path));
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Write(byte[] file)
        {
            using (var memory = new CallMemory())
            {
                Native.lens_image view = View(memory);
                Lesionlens.Check(Native.lens_png_write(file, ref view));
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
            if (BitsStored < 0) throw new ArgumentOutOfRangeException(nameof(BitsStored), $"{BitsStored} is negative");
            return new Native.lens_image
            {
                pixels = memory.Pin(pixels),
                width = (uint)Width,
                height = (uint)Height,
                row_stride = (UIntPtr)(ulong)RowStride,
                format = (int)Format,
                bits_stored = (uint)BitsStored,
                rescale_slope = RescaleSlope,
                rescale_intercept = RescaleIntercept,
                window_center = WindowCenter,
                window_width = WindowWidth,
                invert = Invert ? 1 : 0,
            };
        }
    }

    /// <summary>A decoded image file: DICOM, PNG, JPEG, BMP, TIFF.</summary>
    public sealed class ImageFile : LesionlensObject
    {
        /// <param name="frame">From 0.</param>
        public ImageFile(string path, int frame = 0) : base(Load(path, frame))
        {
        }

        private static Handle Load(string path, int frame)
        {
            if (frame < 0)
            {
                throw new ArgumentOutOfRangeException(nameof(frame), $"frame is {frame}; it must not be negative");
            }
            Lesionlens.Load();
            return Load(Lesionlens.Utf8(nameof(path), path), frame);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static Handle Load(byte[] file, int frame)
        {
            Lesionlens.Check(Native.lens_image_file_load(file, (uint)frame, out IntPtr picture));
            return new Handle(picture, Native.lens_image_file_free);
        }

        /// <summary>How many frames the file has.</summary>
        public int Frames
        {
            get
            {
                Lesionlens.Check(Native.lens_image_file_frames(Open, out uint frames));
                return checked((int)frames);
            }
        }

        /// <summary>The pixels, copied, with the rescaling, window and inversion that the file asks for.</summary>
        public Image Image()
        {
            Handle picture = Open;
            bool held = false;
            try
            {
                // The view points into the picture.
                picture.DangerousAddRef(ref held);
                Lesionlens.Check(Native.lens_image_file_view(picture, out Native.lens_image view));
                var format = (PixelFormat)view.format;
                long stride = (long)(ulong)view.row_stride;
                var pixels = new byte[(view.height - 1) * stride + view.width * LesionLens.Image.Bytes(format)];
                Marshal.Copy(view.pixels, pixels, 0, pixels.Length);
                return new Image(pixels, (int)view.width, (int)view.height, format, stride)
                {
                    BitsStored = (int)view.bits_stored,
                    RescaleSlope = view.rescale_slope,
                    RescaleIntercept = view.rescale_intercept,
                    WindowCenter = view.window_center,
                    WindowWidth = view.window_width,
                    Invert = view.invert == 1,
                };
            }
            finally
            {
                if (held) picture.DangerousRelease();
            }
        }
    }

    /// <summary>One tile of a heatmap, in pixels of the image.</summary>
    public sealed class Tile
    {
        internal Tile(Native.lens_tile tile)
        {
            X = tile.x;
            Y = tile.y;
            Width = tile.width;
            Height = tile.height;
            Probability = tile.probability;
            Logit = tile.logit;
        }

        public float X { get; }
        public float Y { get; }
        public float Width { get; }
        public float Height { get; }

        /// <summary>What lens_tile.probability of lesionlens.h says for the heatmap's method.</summary>
        public float Probability { get; }

        public float Logit { get; }
    }

    /// <summary>A value for every pixel of an image, and the tiles it was made from. Immutable, so
    /// thread-safe.</summary>
    public sealed class Heatmap : LesionlensObject
    {
        private readonly Native.lens_map_summary summary;

        internal Heatmap(IntPtr map) : base(new Handle(map, Native.lens_map_free))
        {
            Lesionlens.Check(Native.lens_map_get_summary(Open, out summary));
        }

        /// <summary>Values in a row: the image's width, or with MapResolution.Tiles Columns.</summary>
        public int Width => (int)summary.width;

        /// <summary>Rows of values.</summary>
        public int Height => (int)summary.height;

        public float Mean => summary.mean;
        public float Maximum => summary.maximum;

        /// <summary>Tiles in a row.</summary>
        public int Columns => (int)summary.columns;

        /// <summary>Rows of tiles.</summary>
        public int Rows => (int)summary.rows;

        /// <summary>Index in Tiles() of the tile that matters most.</summary>
        public int HottestTile => (int)summary.hottest_tile;

        /// <summary>What the map says of the image.</summary>
        public Prediction Prediction => new Prediction(summary.prediction);

        /// <summary>The values, 0 to 1, row by row; a copy.</summary>
        public float[] Values()
        {
            return Held(map =>
            {
                Lesionlens.Check(Native.lens_map_values(map, out IntPtr values, out UIntPtr count));
                var copy = new float[(ulong)count];
                Marshal.Copy(values, copy, 0, copy.Length);
                return copy;
            });
        }

        /// <summary>The tiles, row by row.</summary>
        public Tile[] Tiles()
        {
            return Held(map =>
            {
                Lesionlens.Check(Native.lens_map_tiles(map, out IntPtr tiles, out UIntPtr count));
                int size = Marshal.SizeOf<Native.lens_tile>();
                var copy = new Tile[(ulong)count];
                for (int index = 0; index < copy.Length; index++)
                {
                    var address = new IntPtr(tiles.ToInt64() + (long)index * size);
                    copy[index] = new Tile(Marshal.PtrToStructure<Native.lens_tile>(address));
                }
                return copy;
            });
        }

        /// <summary>The coloured map blended over its image: Height rows of Width RGBA pixels, 8 bits each.</summary>
        public byte[] Overlay(Image image, OverlayOptions options = null)
        {
            if (image == null) throw new ArgumentNullException(nameof(image));
            using (var memory = new CallMemory())
            {
                Native.lens_image view = image.View(memory);
                Native.lens_overlay_options filled = (options ?? new OverlayOptions()).Fill(memory);
                // As large as the map: the library refuses an image of another size.
                var rgba = new byte[4L * Width * Height];
                Lesionlens.Check(Native.lens_map_overlay(Open, ref view, ref filled, rgba, (UIntPtr)(4L * Width)));
                return rgba;
            }
        }

        /// <summary>Makes one heatmap of several of the same size and with the same tiles; these stay as they
        /// are.</summary>
        /// <param name="bestFrame">Index of the one with the highest probability.</param>
        public static Heatmap Aggregate(IReadOnlyList<Heatmap> heatmaps, Aggregate how, out int bestFrame)
        {
            if (heatmaps == null) throw new ArgumentNullException(nameof(heatmaps));
            Handle[] handles = heatmaps.Select((one, index) =>
                (one ?? throw new ArgumentNullException($"heatmaps[{index}]")).Open).ToArray();
            int held = 0;
            try
            {
                for (; held < handles.Length; held++)
                {
                    bool added = false;
                    handles[held].DangerousAddRef(ref added);
                }
                IntPtr[] maps = handles.Select(handle => handle.DangerousGetHandle()).ToArray();
                Lesionlens.Check(Native.lens_map_aggregate(
                    maps, (UIntPtr)maps.Length, (int)how, out IntPtr map, out UIntPtr best));
                bestFrame = (int)best;
                return new Heatmap(map);
            }
            finally
            {
                for (int index = 0; index < held; index++) handles[index].DangerousRelease();
            }
        }

        /// <summary>Addresses that the library hands out are the map's: it must not be freed before they are
        /// read.</summary>
        private T Held<T>(Func<Handle, T> read)
        {
            Handle map = Open;
            bool held = false;
            try
            {
                map.DangerousAddRef(ref held);
                return read(map);
            }
            finally
            {
                if (held) map.DangerousRelease();
            }
        }
    }
}
