package org.lesionlens;

import com.sun.jna.Memory;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;

/** Arguments that C would take for something else. */
final class Arguments {
    private Arguments() {}

    /** C has it unsigned: -1 would be a huge number there. */
    static int notNegative(String name, int value) {
        return Math.toIntExact(notNegative(name, (long) value));
    }

    static long notNegative(String name, long value) {
        if (value < 0) {
            throw new IllegalArgumentException(name + " is " + value + "; it must not be negative");
        }
        return value;
    }

    /** UTF-8 with the NUL that ends a text in C, which must not come before. */
    static byte[] utf8(String name, String text) {
        Objects.requireNonNull(text, name);
        if (text.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(name + " has a NUL character at " + text.indexOf('\0'));
        }
        return (text + '\0').getBytes(StandardCharsets.UTF_8);
    }

    /** As utf8(), for structs: kept as long as its struct. */
    static Memory memory(String name, String text) {
        byte[] bytes = utf8(name, text);
        Memory memory = new Memory(bytes.length);
        memory.write(0, bytes, 0, bytes.length);
        return memory;
    }

    static <T> List<T> elements(String name, List<? extends T> list) {
        Objects.requireNonNull(list, name);
        for (int index = 0; index < list.size(); index++) {
            Objects.requireNonNull(list.get(index), name + "[" + index + "]");
        }
        return List.copyOf(list);
    }
}
