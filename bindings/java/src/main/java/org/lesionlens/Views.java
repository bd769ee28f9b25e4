package org.lesionlens;

import com.sun.jna.Memory;
import com.sun.jna.Structure;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;

/** The lens_image of each image of one call, and the memory that holds their pixels until the call is over. */
final class Views implements AutoCloseable {
    private final List<Memory> copies = new ArrayList<>();
    private final List<Image> images;
    private final Native.lens_image[] structs;

    Views(List<Image> images) {
        this.images = images;
        structs = array(new Native.lens_image(), images.size());
        try {
            for (int index = 0; index < images.size(); index++) {
                images.get(index).view(structs[index], copies);
            }
        } catch (RuntimeException | Error thrown) {
            close();
            throw thrown;
        }
    }

    Native.lens_image[] structs() {
        return structs;
    }

    @Override
    public void close() {
        copies.forEach(Memory::close);
        // The library reads direct buffers where they are, and only the images hold them.
        Reference.reachabilityFence(images);
    }

    /** Structs that lie behind each other; one at least, for JNA takes no empty array. */
    @SuppressWarnings("unchecked")
    static <T extends Structure> T[] array(T first, int count) {
        return (T[]) first.toArray(Math.max(1, count));
    }
}
