namespace Lesionlens
{
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
}
