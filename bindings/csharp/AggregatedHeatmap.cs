namespace Lesionlens
{
    /// <summary>One heatmap of several.</summary>
    public sealed class AggregatedHeatmap
    {
        internal AggregatedHeatmap(Heatmap heatmap, int bestFrame)
        {
            Heatmap = heatmap;
            BestFrame = bestFrame;
        }

        /// <summary>To be disposed of like any other.</summary>
        public Heatmap Heatmap { get; }

        /// <summary>Index of the one with the highest probability.</summary>
        public int BestFrame { get; }
    }
}
