package org.lesionlens;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.Comparator;

/** Runs the static methods of test classes, and what they check with. */
final class Check {
    private Check() {}

    interface Action {
        void run() throws Exception;
    }

    static int run(Class<?>... classes) throws IllegalAccessException {
        int failures = 0;
        for (Class<?> tests : classes) {
            Method[] methods = Arrays.stream(tests.getDeclaredMethods())
                    .filter(method -> Modifier.isStatic(method.getModifiers())
                            && !Modifier.isPrivate(method.getModifiers()) && method.getParameterCount() == 0
                            && !method.isSynthetic())
                    .sorted(Comparator.comparing(Method::getName)).toArray(Method[]::new);
            for (Method method : methods) {
                long begun = System.nanoTime();
                try {
                    method.invoke(null);
                    System.out.println(method.getName() + " ... ok, " + (System.nanoTime() - begun) / 1000000 + " ms");
                } catch (InvocationTargetException thrown) {
                    failures++;
                    System.out.println(method.getName() + " ... FAILED");
                    thrown.getCause().printStackTrace(System.out);
                }
            }
        }
        return failures;
    }

    static void that(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    static void equal(Object found, Object expected) {
        that(expected.equals(found), "found " + found + ", expected " + expected);
    }

    static void near(double found, double expected, double tolerance) {
        that(Math.abs(found - expected) <= tolerance, "found " + found + ", expected " + expected);
    }

    /** The exception, whose message must have all the parts. */
    static <T extends Throwable> T fails(Class<T> kind, Action action, String... parts) {
        try {
            action.run();
        } catch (Throwable thrown) {
            that(kind.isInstance(thrown), "expected " + kind + ", but came " + thrown);
            for (String part : parts) {
                String message = String.valueOf(thrown.getMessage());
                that(message.contains(part), "no \"" + part + "\" in: " + message);
            }
            return kind.cast(thrown);
        }
        throw new AssertionError("expected " + kind + ", but nothing was thrown");
    }

    static void refused(Status status, Action action, String... parts) {
        equal(fails(LesionlensException.class, action, parts).getStatus(), status);
    }
}
