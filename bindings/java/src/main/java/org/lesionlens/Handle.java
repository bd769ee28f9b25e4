package org.lesionlens;

import com.sun.jna.Pointer;
import java.lang.ref.Cleaner;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Something of the library's. Freed by close(), or some time after nothing refers to it; a call that is under way at
 * that moment goes on and frees it when it is over. A second close() does nothing.
 */
abstract class Handle implements AutoCloseable {
    private static final Cleaner CLEANER = Cleaner.create();

    private final Owned owned;
    private final Cleaner.Cleanable cleanable;

    /** keep: what has to live as long as the handle, such as a callback; may be null. */
    Handle(Pointer address, Consumer<Pointer> free, Object keep) {
        owned = new Owned(address, free, keep, getClass().getSimpleName());
        cleanable = CLEANER.register(this, owned);
    }

    @Override
    public void close() {
        cleanable.clean();
    }

    /** Calls with the address, which stays valid until the call is over. IllegalStateException when closed. */
    final <T> T use(Function<Pointer, T> call) {
        Pointer address = owned.enter();
        try {
            return call.apply(address);
        } finally {
            owned.leave();
        }
    }

    /** As use(), for several. */
    static <T> T useAll(List<? extends Handle> handles, Function<Pointer[], T> call) {
        List<Handle> entered = new ArrayList<>();
        try {
            Pointer[] addresses = new Pointer[handles.size()];
            for (Handle handle : handles) {
                addresses[entered.size()] = handle.owned.enter();
                entered.add(handle);
            }
            return call.apply(addresses);
        } finally {
            entered.forEach(handle -> handle.owned.leave());
        }
    }

    final Object keep() {
        return owned.keep;
    }

    /** Apart from the handle: the cleaner must not refer to what it waits for. */
    private static final class Owned implements Runnable {
        private final Pointer address;
        private final Consumer<Pointer> free;
        private final Object keep;
        private final String name;
        private int users;
        private boolean closed;

        Owned(Pointer address, Consumer<Pointer> free, Object keep, String name) {
            this.address = address;
            this.free = free;
            this.keep = keep;
            this.name = name;
        }

        synchronized Pointer enter() {
            if (closed) {
                throw new IllegalStateException("this " + name + " is closed");
            }
            users++;
            return address;
        }

        synchronized void leave() {
            users--;
            freeUnused();
        }

        @Override
        public synchronized void run() {
            closed = true;
            freeUnused();
        }

        private void freeUnused() {
            if (closed && users == 0) {
                free.accept(address);
            }
        }
    }
}
