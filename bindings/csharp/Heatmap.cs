using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;

namespace Lesionlens
{
    /// <summary>A value for every pixel of an image, and the tiles it was made from. Immutable, so
    /// thread-safe.</summary>
    public sealed class Heatmap : LesionlensObject
    {
        internal Heatmap(IntPtr heatmap) : base(new Handle(heatmap, Native.lens_heatmap_free))
        {
            LesionlensLibrary.Check(Native.lens_heatmap_get_summary(Open, out Native.lens_heatmap_summary summary));
            Summary = new HeatmapSummary(summary);
        }

        /// <summary>Size, mean, highest value, tiles, and what the heatmap says of the image.</summary>
        public HeatmapSummary Summary { get; }

        /// <summary>The values, 0 to 1, row by row; a copy.</summary>
        public float[] Values()
        {
            return Held(heatmap =>
            {
                LesionlensLibrary.Check(Native.lens_heatmap_get_values(heatmap, out IntPtr values, out UIntPtr count));
                var copy = new float[(ulong)count];
                Marshal.Copy(values, copy, 0, copy.Length);
                return copy;
            });
        }

        /// <summary>The tiles, row by row.</summary>
        public Tile[] Tiles()
        {
            return Held(heatmap =>
            {
                LesionlensLibrary.Check(Native.lens_heatmap_get_tiles(heatmap, out IntPtr tiles, out UIntPtr count));
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

        /// <summary>The coloured heatmap blended over its image: RGBA, 8 bits each, rows without gaps.</summary>
        public byte[] Overlay(Image image, OverlayOptions options = null)
        {
            if (image == null) throw new ArgumentNullException(nameof(image));
            using (var memory = new CallMemory())
            {
                Native.lens_image view = image.View(memory);
                Native.lens_overlay_options filled = (options ?? new OverlayOptions()).Fill(memory);
                // As large as the heatmap: the library refuses an image of another size.
                long stride = 4L * Summary.Width;
                var rgba = new byte[stride * Summary.Height];
                LesionlensLibrary.Check(
                    Native.lens_heatmap_overlay(Open, ref view, ref filled, rgba, (UIntPtr)(ulong)stride));
                return rgba;
            }
        }

        /// <summary>Makes one heatmap of several of the same size and with the same tiles; these stay as they
        /// are.</summary>
        public static AggregatedHeatmap Aggregate(
            IReadOnlyList<Heatmap> heatmaps, Aggregate how = Lesionlens.Aggregate.Max)
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
                IntPtr[] addresses = handles.Select(handle => handle.DangerousGetHandle()).ToArray();
                LesionlensLibrary.Check(Native.lens_heatmap_aggregate(
                    addresses, (UIntPtr)addresses.Length, (int)how, out IntPtr heatmap, out UIntPtr best));
                return new AggregatedHeatmap(new Heatmap(heatmap), checked((int)best));
            }
            finally
            {
                for (int index = 0; index < held; index++) handles[index].DangerousRelease();
            }
        }

        /// <summary>Addresses that the library hands out are the heatmap's: it must not be freed before they are
        /// read.</summary>
        private T Held<T>(Func<Handle, T> read)
        {
            Handle heatmap = Open;
            bool held = false;
            try
            {
                heatmap.DangerousAddRef(ref held);
                return read(heatmap);
            }
            finally
            {
                if (held) heatmap.DangerousRelease();
            }
        }
    }
}
