package org.lesionlens;

/**
 * What the model says of one image.
 *
 * @param probability of the positive class, 0 to 1
 * @param logit the network's output over the model's temperature, log(p / (1 - p))
 * @param label 1 when probability is greater than threshold, else 0
 * @param threshold the one that was used
 */
public record Prediction(float probability, float logit, int label, float threshold) {
    static Prediction of(Native.lens_prediction prediction) {
        return new Prediction(prediction.probability, prediction.logit, prediction.label, prediction.threshold);
    }
}
