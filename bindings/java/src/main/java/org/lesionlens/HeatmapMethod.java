// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/**
 * How a heatmap is made: which question it answers. None of them proves where a lesion is: they show what the model
 * goes by.
 */
public enum HeatmapMethod {
    /**
     * Overlapping tiles, each classified by itself: "which parts would be called positive if they were seen alone?"
     * The sharpest method for models trained on patches of the tile's size; it knows nothing of what is around a tile.
     */
    TILES(0),

    /**
     * Class activation map (Zhou et al. 2016), one pass over the whole image: "which parts push the whole image's
     * logit up or down?" Each cell of the network's last feature map (every 32 pixels) adds its share; their mean is
     * the logit, exactly, for pooling and head are linear. The value is a share through the logistic function: above
     * 0.5 speaks for the positive class, below 0.5 against it. As cells see far beyond their 32 pixels, it is coarse.
     */
    CAM(1),

    /**
     * Grad-CAM++ (Chattopadhay et al. 2018), one pass over the whole image: "where is the evidence for the positive
     * class, also when it shows in several places?" Channels that speak against it are left out. Values are relative
     * to the image's strongest cell, which has 1: they say where, not how much, and cannot be compared between images;
     * a heatmap without any evidence is 0 everywhere.
     */
    GRAD_CAM_PLUS_PLUS(2),

    /**
     * Occlusion sensitivity (Zeiler and Fergus 2014): "which parts would the probability of the whole image fall
     * without?" The whole image goes through the network once for each tile, with the tile filled with the image's
     * mean colour; the value is the fall of the probability, 0 where it does not fall. The slowest method, and the
     * only one that asks the model as it is used; a finding that shows in two places does not fall when only one is
     * hidden.
     */
    OCCLUSION(3);

    final int value;

    HeatmapMethod(int value) {
        this.value = value;
    }
}
