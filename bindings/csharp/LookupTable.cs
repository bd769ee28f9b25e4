using System;
using System.Runtime.InteropServices;

namespace Lesionlens
{
    /// <summary>What is seen for each whole rescaled value, in the place of a window (DICOM's VOI LUT).</summary>
    public sealed class LookupTable
    {
        /// <param name="values">1 to 65536.</param>
        /// <param name="first">The rescaled value of the first entry.</param>
        /// <param name="bits">2^bits - 1 is the brightest.</param>
        public LookupTable(ushort[] values, int first = 0, int bits = 16)
        {
            Values = values ?? throw new ArgumentNullException(nameof(values));
            First = first;
            Bits = bits;
        }

        public ushort[] Values { get; }
        public int First { get; }
        public int Bits { get; }

        /// <summary>A copy of a view's table; null where it has none.</summary>
        internal static LookupTable CopyOf(Native.lens_image view)
        {
            if (view.lut_entries == 0) return null;
            var values = new short[view.lut_entries];
            Marshal.Copy(view.lut_values, values, 0, values.Length);
            var unsigned = new ushort[values.Length];
            Buffer.BlockCopy(values, 0, unsigned, 0, 2 * values.Length);
            return new LookupTable(unsigned, view.lut_first, (int)view.lut_bits);
        }
    }
}
