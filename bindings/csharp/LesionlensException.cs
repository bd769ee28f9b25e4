using System;

namespace Lesionlens
{
    /// <summary>What the library refused and why: the message says what was wrong and what would be right.</summary>
    public sealed class LesionlensException : Exception
    {
        internal LesionlensException(Status status, string statusName, string message) : base(message)
        {
            Status = status;
            StatusName = statusName;
        }

        /// <summary>What the call came to.</summary>
        public Status Status { get; }

        /// <summary>The status as text, such as "LENS_ERROR_IO".</summary>
        public string StatusName { get; }
    }
}
