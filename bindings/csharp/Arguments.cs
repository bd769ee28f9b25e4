using System;
using System.Text;

namespace Lesionlens
{
    /// <summary>Arguments that C would take for something else.</summary>
    internal static class Arguments
    {
        /// <summary>C has it unsigned: -1 would be a huge number there.</summary>
        internal static uint NotNegative(string name, int value)
        {
            return (uint)NotNegative(name, (long)value);
        }

        internal static ulong NotNegative(string name, long value)
        {
            if (value < 0) throw new ArgumentOutOfRangeException(name, $"{name} is {value}; it must not be negative");
            return (ulong)value;
        }

        /// <summary>With the NUL that ends a text in C, which must not come before.</summary>
        internal static byte[] Utf8(string name, string text)
        {
            if (text == null) throw new ArgumentNullException(name);
            int nul = text.IndexOf('\0');
            if (nul >= 0) throw new ArgumentException($"{name} has a NUL character at {nul}", name);
            return Encoding.UTF8.GetBytes(text + '\0');
        }
    }
}
