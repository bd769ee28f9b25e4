namespace Lesionlens
{
    /// <summary>The figures of a heatmap.</summary>
    public sealed class HeatmapSummary
    {
        internal HeatmapSummary(Native.lens_heatmap_summary summary)
        {
            Width = (int)summary.width;
            Height = (int)summary.height;
            Mean = summary.mean;
            Maximum = summary.maximum;
            Columns = (int)summary.columns;
            Rows = (int)summary.rows;
            HottestTile = (int)summary.hottest_tile;
            Prediction = new Prediction(summary.prediction);
        }

        /// <summary>Values in a row: the image's width, or with HeatmapResolution.Tiles Columns.</summary>
        public int Width { get; }

        /// <summary>Rows of values.</summary>
        public int Height { get; }

        /// <summary>Mean of the values.</summary>
        public float Mean { get; }

        /// <summary>Highest value.</summary>
        public float Maximum { get; }

        /// <summary>Tiles in a row.</summary>
        public int Columns { get; }

        /// <summary>Rows of tiles.</summary>
        public int Rows { get; }

        /// <summary>Index in Heatmap.Tiles() of the tile that matters most.</summary>
        public int HottestTile { get; }

        /// <summary>What the heatmap says of the image.</summary>
        public Prediction Prediction { get; }
    }
}
