namespace Lesionlens
{
    /// <summary>What the model says of one image.</summary>
    public sealed class Prediction
    {
        internal Prediction(Native.lens_prediction prediction)
        {
            Probability = prediction.probability;
            Logit = prediction.logit;
            Label = prediction.label;
            Threshold = prediction.threshold;
        }

        /// <summary>Of the positive class, 0 to 1.</summary>
        public float Probability { get; }

        /// <summary>The network's output over the model's temperature, log(p / (1 - p)).</summary>
        public float Logit { get; }

        /// <summary>1 when Probability is greater than Threshold, else 0.</summary>
        public int Label { get; }

        /// <summary>The one that was used.</summary>
        public float Threshold { get; }
    }
}
