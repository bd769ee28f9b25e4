namespace Lesionlens
{
    /// <summary>How far a call is. SecondsLeft is negative while unknown.</summary>
    public sealed class Progress
    {
        internal Progress(Native.lens_progress progress)
        {
            Phase = (Phase)progress.phase;
            Done = (long)progress.done;
            Total = (long)progress.total;
            SecondsLeft = progress.seconds_left;
        }

        public Phase Phase { get; }
        public long Done { get; }
        public long Total { get; }
        public double SecondsLeft { get; }
    }
}
