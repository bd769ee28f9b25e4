using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;

namespace Lesionlens
{
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
            return Pin(Arguments.Utf8(name, text));
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
}
