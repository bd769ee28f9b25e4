"""The Python package against the real library: declarations, ownership, arrays, errors, and the way to a report."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import pickle
import re
import signal
import struct
import sys
import tempfile
import threading
import unittest
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings" / "python"))

import lesionlens  # noqa: E402
from lesionlens import _library, _structs, errors  # noqa: E402

SIDE = 48
TINY = {"epochs": 1, "batch_size": 8, "image_size": 32, "seed": 7}


def sample(index: int, side: int = SIDE) -> tuple[numpy.ndarray, int]:
    """A gray noisy field; one with label 1 has a bright blob, each at another place."""
    label = index % 2
    random = numpy.random.default_rng(index)
    pixels = 60 + random.integers(0, 32, (side, side)).astype(numpy.float64)
    y, x = numpy.mgrid[:side, :side]
    distance = (x - 14 - index % 5 * 5) ** 2 + (y - 14 - index % 7 * 3) ** 2
    return (pixels + label * 150 * numpy.exp(-distance / 50)).astype(numpy.uint8), label


def dataset(first: int, count: int) -> lesionlens.Dataset:
    made = lesionlens.Dataset()
    for index in range(first, first + count):
        made.add(*sample(index), f"image {index}")
    return made


def write_slice(path: Path, uid: str, number: int) -> None:
    """An axial slice of one pixel, little endian without preamble, which lies as high as its number says, in mm."""

    def element(group: int, tag: int, kind: str, value: str | int) -> bytes:
        held = value.to_bytes(2, "little") if isinstance(value, int) else value.encode()
        held += (b"\0" if kind == "UI" else b" ") * (len(held) % 2)
        return struct.pack("<HH2sH", group, tag, kind.encode(), len(held)) + held

    elements = [
        element(0x0008, 0x0060, "CS", "CT"),
        element(0x0020, 0x000E, "UI", uid),
        element(0x0020, 0x0032, "DS", f"0\\0\\{number}"),
        element(0x0020, 0x0037, "DS", "1\\0\\0\\0\\1\\0"),
        element(0x0028, 0x0002, "US", 1),
        element(0x0028, 0x0004, "CS", "MONOCHROME2"),
        element(0x0028, 0x0010, "US", 1),
        element(0x0028, 0x0011, "US", 1),
        element(0x0028, 0x0100, "US", 8),
        struct.pack("<HH2sHIBB", 0x7FE0, 0x0010, b"OB", 0, 2, number, 0),
    ]
    path.write_bytes(b"".join(elements))


def setUpModule() -> None:
    global context, model, folder, temporary
    temporary = tempfile.TemporaryDirectory(prefix="lesionlens-")
    folder = Path(temporary.name)
    # One thread: a machine that is busy otherwise makes two wait for each other, and the tests slow.
    context = lesionlens.Context(device="cpu", threads=1)
    model = context.train(dataset(0, 24), dataset(24, 8), **TINY)


def tearDownModule() -> None:
    temporary.cleanup()


class Header:
    """What lesionlens.h declares, as the ctypes declarations that it calls for."""

    SCALARS = {
        "float": ctypes.c_float,
        "double": ctypes.c_double,
        "size_t": ctypes.c_size_t,
        **{f"{kind}_t": getattr(ctypes, f"c_{kind}") for kind in ("uint8", "uint16", "uint32", "uint64", "int32")},
    }

    def __init__(self) -> None:
        text = (ROOT / "include" / "lesionlens.h").read_text()
        self.constants = {name: int(value) for name, value in re.findall(r"#define (LENS_\w+) (\d+)\n", text)}
        text = re.sub(r"/\*.*?\*/|//[^\n]*|^#[^\n]*", "", text, flags=re.S | re.M)
        text = re.sub(r"\bconst\s+|(?<!typedef )\bstruct\s+", "", text)
        self.enumerations = set(re.findall(r"typedef int32_t (\w+);", text))
        self.opaque = set(re.findall(r"typedef struct (\w+) \1;", text))
        self.structs = {
            name: re.findall(r"([\w ]+?[\s*]+)(\w+)(?:\[(\d+)\])?;", body)
            for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\} \1;", text, flags=re.S)
        }
        self.functions = {
            name: (result, [] if arguments.strip() == "void" else arguments.split(","))
            for result, name, arguments in re.findall(r"^([\w ]+[ *]+)(lens_\w+)\(([^()]*)\);", text, flags=re.M)
        }

    def type_of(self, declared: str, count: str = "") -> object:
        name, stars = declared.replace("*", " ").split()[0], declared.count("*")
        if name in self.opaque or name == "void":
            name, stars = "void", stars - 1
        # Texts handed out are freed by their address, which a c_char_p would hide.
        kinds = {"char": ctypes.c_char_p if stars == 1 else ctypes.c_void_p, "lens_status": ctypes.c_int32}
        if name == "void":
            kind = None if stars < 0 else ctypes.c_void_p
        else:
            kind = kinds.get(name) or self.SCALARS.get(name) or getattr(_structs, name)
        for _ in range(stars - (name == "char")):
            kind = ctypes.POINTER(kind)
        return kind * int(count) if count else kind


class Declarations(unittest.TestCase):
    """Every mistake here would read the wrong bytes without a word."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.header = Header()

    def test_every_function_is_declared_with_the_headers_types(self) -> None:
        self.assertGreater(len(self.header.functions), 40)
        self.assertEqual(set(self.header.functions), set(_library.FUNCTIONS))
        for name, (result, arguments) in self.header.functions.items():
            with self.subTest(name):
                found_result, found = _library.FUNCTIONS[name]
                self.assertEqual(found_result, self.header.type_of(result))
                expected = [self.header.type_of(re.sub(r"\w+\s*$", "", argument)) for argument in arguments]
                if name == "lens_string_free":
                    expected = [ctypes.c_void_p]
                self.assertEqual(found, expected)

    def test_every_struct_has_the_headers_fields(self) -> None:
        self.assertGreater(len(self.header.structs), 10)
        for name, fields in self.header.structs.items():
            with self.subTest(name):
                expected = [(field, self.header.type_of(kind, count)) for kind, field, count in fields]
                self.assertEqual([tuple(field) for field in getattr(_structs, name)._fields_], expected)

    def test_options_have_the_size_that_the_library_writes(self) -> None:
        names = [name for name in self.header.functions if name.endswith("_options_init")]
        self.assertEqual(len(names), 12)
        for name in names:
            with self.subTest(name):
                struct = getattr(_structs, name.removesuffix("_init"))
                room = ctypes.create_string_buffer(4096)
                options = ctypes.cast(room, ctypes.POINTER(struct))
                getattr(_library.library, name)(options)
                self.assertEqual(options.contents.struct_size, ctypes.sizeof(struct))

    def test_every_constant_is_known_by_its_name(self) -> None:
        mirrored = {"LENS_ABI_VERSION": _structs.ABI_VERSION}
        for name in self.header.enumerations:
            kind = getattr(_structs, name)
            mirrored.update({kind.prefix + label.upper(): number for label, number in kind.names.items()})
        self.assertEqual(mirrored, self.header.constants)

    def test_every_option_can_be_given(self) -> None:
        given_otherwise = {"struct_size", "abi_version", "start_model", "calibration", "cancel"}
        given_otherwise |= {"progress", "progress_user_data", "log", "log_user_data"}
        for name, fields in self.header.structs.items():
            match = re.fullmatch(r"lens_(\w+)_options", name)
            if match:
                with self.subTest(name):
                    offered = getattr(lesionlens, {"init": "Context"}.get(match[1], match[1].title()) + "Options")
                    fields_of = {field for _, field, _ in fields} - given_otherwise
                    self.assertEqual(set(offered.__annotations__), fields_of)

    def test_every_status_has_a_class(self) -> None:
        for name, number in _structs.lens_status.names.items():
            if name != "ok":
                with self.subTest(name), self.assertRaises(lesionlens.LensError) as caught:
                    errors.check(number)
                self.assertEqual(caught.exception.status, number)
                self.assertEqual(caught.exception.status_name, "LENS_" + name.upper())
                self.assertIsNot(type(caught.exception), lesionlens.LensError)


class Loading(unittest.TestCase):
    def test_a_library_of_another_abi_is_refused(self) -> None:
        with self.assertRaisesRegex(ImportError, f"ABI version {_structs.ABI_VERSION}.* for 99"):
            _library.load(_library.find(), abi_version=99)

    def test_a_file_that_is_no_lesionlens_library_is_refused(self) -> None:
        for path in ("libc.so.6", str(folder / "nothing.so"), __file__):
            with self.subTest(path), self.assertRaisesRegex(ImportError, re.escape(path)):
                _library.load(path)

    def test_version(self) -> None:
        self.assertRegex(lesionlens.library_version, r"^\d+\.\d+\.\d+$")


class Arrays(unittest.TestCase):
    def classify(self, image: lesionlens.ImageLike) -> float:
        return model.classify(image).probability

    def pointer_of(self, array: numpy.ndarray) -> int:
        return lesionlens.Image(array)._view()[0].pixels

    def test_layouts_that_c_can_read_are_not_copied(self) -> None:
        gray, _ = sample(1)
        wide = numpy.zeros((SIDE, 2 * SIDE), numpy.uint16)
        colour = numpy.zeros((SIDE, SIDE, 4), numpy.uint8)
        for array in (gray, wide[:, 10:30], wide[::2], colour, colour[5:, 7:], gray[:1], gray[:, 3:4]):
            with self.subTest(array.shape):
                self.assertEqual(self.pointer_of(array), array.ctypes.data)

    def test_other_layouts_are_copied(self) -> None:
        colour = numpy.zeros((SIDE, SIDE, 4), numpy.uint8)
        gray = colour[..., 0]
        broadcast = numpy.broadcast_to(gray[0, 0], gray.shape)
        for array in (gray, gray[::-1], gray[:, ::-1], colour[..., :3], broadcast, gray.copy().T):
            with self.subTest(array.strides):
                self.assertNotEqual(self.pointer_of(array), array.ctypes.data)

    def test_every_layout_says_the_same(self) -> None:
        gray, _ = sample(1)
        expected = self.classify(gray)
        padded = numpy.full((SIDE, SIDE + 13), 255, numpy.uint8)
        padded[:, :SIDE] = gray
        spaced = numpy.full((SIDE, SIDE, 2), 255, numpy.uint8)
        spaced[..., 0] = gray
        layouts = {
            "padded rows": padded[:, :SIDE],
            "every second byte": spaced[..., 0],
            "columns first": numpy.asfortranarray(gray),
            "upside down": gray[::-1].copy()[::-1],
            "mirrored": gray[:, ::-1].copy()[:, ::-1],
        }
        for name, array in layouts.items():
            with self.subTest(name):
                self.assertEqual(self.classify(array), expected)
        upside_down = self.classify(gray[::-1])
        self.assertEqual(upside_down, self.classify(gray[::-1].copy()))
        self.assertNotEqual(upside_down, expected)

    def test_every_dtype_says_the_same(self) -> None:
        gray, _ = sample(1)
        expected = self.classify(gray)
        full = gray.astype(numpy.uint16) * 257
        images = {
            "uint16": full,
            "uint16 of the other byte order": full.astype(full.dtype.newbyteorder("S")),
            "int16": (full.astype(numpy.int32) - 32768).astype(numpy.int16),
            "float32": gray.astype(numpy.float32) / 255,
            "8 bits in 16": lesionlens.Image(gray.astype(numpy.uint16), bits_stored=8),
            "a float window": lesionlens.Image(gray.astype(numpy.float32), window_center=127.5, window_width=255),
            "rescaled floats": lesionlens.Image(gray.astype(numpy.float32), rescale_slope=1 / 255),
        }
        for name, image in images.items():
            with self.subTest(name):
                self.assertAlmostEqual(self.classify(image), expected, delta=1e-6)

    def test_gray_rgb_and_bgra_say_the_same(self) -> None:
        gray, _ = sample(1)
        expected = self.classify(gray)
        rgb = numpy.dstack([gray] * 3)
        bgra = numpy.dstack([gray] * 3 + [numpy.full_like(gray, 9)])
        for image in (rgb, lesionlens.Image(rgb, bgr=True), bgra, lesionlens.Image(bgra, bgr=True)):
            self.assertAlmostEqual(self.classify(image), expected, delta=1e-6)

    def test_bgr_is_rgb_the_other_way_round(self) -> None:
        rgb = numpy.dstack([sample(index)[0] for index in (1, 3, 4)])
        bgr = lesionlens.Image(rgb[..., ::-1].copy(), bgr=True)
        self.assertEqual(self.classify(rgb), self.classify(bgr))
        self.assertNotEqual(self.classify(rgb), self.classify(rgb[..., ::-1]))

    def test_monochrome1_is_monochrome2_inverted(self) -> None:
        twelve_bits = sample(1)[0].astype(numpy.uint16) * 16
        inverted = (4095 - twelve_bits).astype(numpy.uint16)
        for window in ({}, {"window_center": 2048, "window_width": 4096}):
            with self.subTest(window):
                second = self.classify(lesionlens.Image(twelve_bits, bits_stored=12, **window))
                first = self.classify(lesionlens.Image(inverted, bits_stored=12, invert=True, **window))
                self.assertAlmostEqual(first, second, delta=1e-6)
        self.assertNotEqual(self.classify(lesionlens.Image(inverted, bits_stored=12)), second)

    def test_wrong_arrays_are_refused_with_dtype_and_shape(self) -> None:
        for error, shape, dtype in ((TypeError, (4, 4), numpy.float64), (ValueError, (4, 4, 3), numpy.uint16)):
            with self.assertRaisesRegex(error, rf"{numpy.dtype(dtype)} and shape {re.escape(str(shape))}"):
                model.classify(numpy.zeros(shape, dtype))
        for shape in ((4,), (4, 4, 1), (4, 4, 2), (2, 4, 4, 3)):
            with self.subTest(shape), self.assertRaisesRegex(ValueError, re.escape(str(shape))):
                model.classify(numpy.zeros(shape, numpy.uint8))
        for dtype in (bool, numpy.int64, numpy.complex64, object):
            with self.subTest(dtype), self.assertRaisesRegex(TypeError, "must be uint8, uint16, int16 or float32"):
                model.classify(numpy.zeros((4, 4), dtype))
        for value in (None, "image.png", [[1, 2], [3, 4]], 7):
            with self.subTest(value), self.assertRaisesRegex(TypeError, "numpy.ndarray"):
                model.classify(value)

    def test_wrong_meanings_are_refused(self) -> None:
        gray, _ = sample(1)
        for keywords in ({"bgr": True}, {"window_center": 3}, {"rescale_slope": 0}):
            with self.subTest(keywords), self.assertRaisesRegex(ValueError, next(iter(keywords))):
                lesionlens.Image(gray, **keywords)
        with self.assertRaisesRegex(lesionlens.ArgumentError, "image 1.*4096"):
            high = numpy.full((SIDE, SIDE), 4096, numpy.uint16)
            model.classify([gray, lesionlens.Image(high, bits_stored=12)])
        with self.assertRaisesRegex(lesionlens.ArgumentError, "0"):
            model.classify(numpy.zeros((0, 5), numpy.uint8))


class Options(unittest.TestCase):
    def test_wrong_names_list_the_right_ones(self) -> None:
        gray, _ = sample(1)
        calls = {
            "method is 'tile'; it must be one of 'tiles', 'cam', 'grad_": lambda: model.heatmap(gray, method="tile"),
            "edge is 1; it must be one of 'cover', 'reference'": lambda: model.heatmap(gray, edge=1),
            "device is 'gpu'; .*'cpu', 'cuda', 'rocm'": lambda: lesionlens.Context(device="gpu"),
            "format is 'tflite'; .*'safetensors'": lambda: model.save(folder / "model.onnx", format="tflite"),
        }
        for message, call in calls.items():
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                call()

    def test_numbers_that_c_cannot_hold_are_refused(self) -> None:
        some = dataset(0, 4)
        calls = {
            "epochs is -1; it must be 0 to 4294967295": lambda: context.train(some, epochs=-1),
            "seed is 18446744073709551616; ": lambda: some.split(0.5, seed=2**64),
            "label is 4294967297; it must be -2147483648 to": lambda: some.add(sample(1)[0], 2**32 + 1),
        }
        for message, call in calls.items():
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                call()
        with self.assertRaisesRegex(TypeError, "epochs is 1.5; it must be a whole number"):
            context.train(some, epochs=1.5)
        with self.assertRaisesRegex(TypeError, "threshold is '0.5'; it must be a number"):
            model.classify(sample(1)[0], threshold="0.5")

    def test_unknown_options_and_cut_texts_are_refused(self) -> None:
        with self.assertRaisesRegex(TypeError, "there is no option 'tile'; there are method, tile_size"):
            model.heatmap(sample(1)[0], tile=64)
        with self.assertRaisesRegex(ValueError, "NUL"):
            context.load_model("model.safetensors\0.txt")
        with self.assertRaisesRegex(TypeError, "path is a int"):
            context.load_model(3)

    def test_what_the_library_refuses_names_the_value(self) -> None:
        with self.assertRaisesRegex(lesionlens.ArgumentError, "tile_size.* 31"):
            model.heatmap(sample(1)[0], tile_size=31)
        with self.assertRaisesRegex(lesionlens.IoError, "missing.safetensors") as caught:
            context.load_model(folder / "missing.safetensors")
        self.assertIsInstance(caught.exception, OSError)
        self.assertEqual(str(pickle.loads(pickle.dumps(caught.exception))), str(caught.exception))

    def test_options_reach_the_model(self) -> None:
        options = {**TINY, "threshold": 0.25, "mean": 0.5, "standard_deviation": (0.5, 0.25, 1)}
        described = context.train(dataset(0, 16), **options).describe()
        self.assertEqual(described["threshold"], 0.25)
        self.assertEqual(described["preprocessing"]["image_size"], 32)
        self.assertEqual(described["preprocessing"]["mean"], [0.5, 0.5, 0.5])
        self.assertEqual(described["preprocessing"]["standard_deviation"], [0.5, 0.25, 1])


class Ownership(unittest.TestCase):
    def load(self, **options: object) -> tuple[lesionlens.Context, lesionlens.Model]:
        path = folder / "ownership.safetensors"
        model.save(path)
        made = lesionlens.Context(device="cpu", threads=1, **options)
        return made, made.load_model(path)

    def test_freeing_in_any_order(self) -> None:
        image, _ = sample(1)
        made, loaded = self.load()
        expected = loaded.classify(image)
        made.close()
        gc.collect()
        self.assertEqual(loaded.classify(image), expected)
        heatmap = loaded.heatmap(image)
        loaded.close()
        loaded.close()
        values, tiles = heatmap.values, heatmap.tiles
        copies = values.copy(), tiles.copy()
        heatmap.close()
        del made, loaded, heatmap
        gc.collect()
        numpy.testing.assert_array_equal(values, copies[0])
        numpy.testing.assert_array_equal(tiles, copies[1])

    def test_closed_handles_say_so(self) -> None:
        made, loaded = self.load()
        with made, loaded, lesionlens.Dataset() as empty:
            pass
        for name, call in {
            "Context": made.describe,
            "Model": loaded.describe,
            "Dataset": lambda: model.evaluate(empty),
        }.items():
            with self.subTest(name), self.assertRaisesRegex(ValueError, f"this {name} is closed"):
                call()

    def test_handles_of_another_kind_are_refused(self) -> None:
        with self.assertRaisesRegex(TypeError, "dataset is a Model; it must be a lesionlens.Dataset"):
            model.evaluate(model)
        with self.assertRaisesRegex(TypeError, "cancel is a Dataset; it must be a lesionlens.CancelToken"):
            model.classify([], cancel=dataset(0, 1))
        with self.assertRaisesRegex(TypeError, "Context.load_model"):
            lesionlens.Model()

    def test_closing_while_another_thread_uses_it(self) -> None:
        made, loaded = self.load()
        images = [sample(index)[0] for index in range(16)]
        begun = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(loaded.classify, images, batch_limit=1, progress=lambda _: begun.set())
            self.assertTrue(begun.wait(60))
            loaded.close()
            made.close()
            self.assertEqual(len(running.result()), 16)

    def test_the_log_callback_lives_as_long_as_the_model(self) -> None:
        lines: list[tuple[str, str]] = []

        def log(level: str, message: str) -> None:
            lines.append((level, message))

        alive = weakref.ref(log)
        made, loaded = self.load(log=log, log_level="debug")
        self.assertTrue(lines)
        self.assertLessEqual({level for level, _ in lines}, {"error", "warning", "info", "debug"})
        del made, log
        gc.collect()
        loaded.classify(sample(1)[0])
        self.assertIsNotNone(alive())
        del loaded
        gc.collect()
        self.assertIsNone(alive())

    def test_many_handles_leave_no_memory_behind(self) -> None:
        image = numpy.zeros((1024, 1024), numpy.uint8)
        options = {"tile_size": 1024, "stride": 1024, "resize_width": 32, "resize_height": 32}
        model.heatmap(image, **options)
        before = resident()
        for _ in range(50):
            self.assertEqual(model.heatmap(image, **options).values.shape, (1024, 1024))
        # Fifty heatmaps of 4 MiB would be 200 MiB.
        self.assertLess(resident() - before, 100 << 20)


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Stop(Exception):
    pass


def stop(progress: lesionlens.Progress) -> None:
    raise Stop


class Callbacks(unittest.TestCase):
    def calls(self) -> dict[str, object]:
        image, _ = sample(1)
        return {
            "train": lambda **keywords: context.train(dataset(0, 16), **TINY, **keywords),
            "classify": lambda **keywords: model.classify(image, **keywords),
            "heatmap": lambda **keywords: model.heatmap(image, **keywords),
            "evaluate": lambda **keywords: model.evaluate(dataset(0, 4), **keywords),
            "calibrate": lambda **keywords: model.calibrate(dataset(0, 4), fit_temperature=False,
                                                             operating_point="youden", **keywords),
        }

    def test_an_exception_comes_out_of_the_call(self) -> None:
        for name, call in self.calls().items():
            with self.subTest(name), self.assertRaises(Stop):
                call(progress=stop)

    def test_false_cancels_and_none_does_not(self) -> None:
        for name, call in self.calls().items():
            for answer in (False, numpy.bool_(False)):
                with self.subTest(name), self.assertRaises(lesionlens.Cancelled):
                    call(progress=lambda _: answer)
        for answer in (None, 0, True):
            self.assertIsInstance(self.calls()["classify"](progress=lambda _: answer), lesionlens.Prediction)

    def test_a_token_cancels_until_it_is_reset(self) -> None:
        token = lesionlens.CancelToken()
        token.trigger()
        for name, call in self.calls().items():
            with self.subTest(name), self.assertRaises(lesionlens.Cancelled):
                call(cancel=token)
        token.reset()
        for call in self.calls().values():
            call(cancel=token)

    def test_a_token_stops_a_training_from_another_thread(self) -> None:
        token = lesionlens.CancelToken()
        reports: list[lesionlens.Progress] = []

        def report(progress: lesionlens.Progress) -> None:
            reports.append(progress)
            if progress.phase == "train" and len(reports) > 2:
                threading.Thread(target=token.trigger).start()

        with self.assertRaises(lesionlens.Cancelled):
            context.train(dataset(0, 16), **{**TINY, "epochs": 1000}, progress=report, cancel=token)
        self.assertLess(reports[-1].epoch, 10)
        self.assertEqual(reports[-1].epochs, 1000)

    def test_keyboard_interrupt_raised_in_a_callback(self) -> None:
        def interrupt(progress: lesionlens.Progress) -> None:
            raise KeyboardInterrupt

        for name, call in self.calls().items():
            with self.subTest(name), self.assertRaises(KeyboardInterrupt):
                call(progress=interrupt)

    def test_ctrl_c_stops_a_call_with_and_without_a_callback(self) -> None:
        # A shell starts what runs in the background with the signal ignored.
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))
        for keywords in ({}, {"progress": lambda _: None}):
            with self.subTest(keywords), lesionlens.CancelToken() as token:
                # Without the token a lost interrupt would leave this test training for ever.
                timers = [threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)), threading.Timer(60, token.trigger)]
                for timer in timers:
                    timer.start()
                with self.assertRaises(KeyboardInterrupt):
                    context.train(dataset(0, 16), **{**TINY, "epochs": 100000}, cancel=token, **keywords)
                timers[1].cancel()

    def test_reports_count_up_to_the_total(self) -> None:
        reports: list[lesionlens.Progress] = []
        model.evaluate(dataset(0, 10), batch_limit=4, progress=reports.append)
        evaluating = [report for report in reports if report.phase == "evaluate"]
        self.assertEqual(evaluating, sorted(evaluating, key=lambda report: report.done))
        self.assertEqual((evaluating[-1].done, evaluating[-1].total), (10, 10))

    def test_a_callback_may_call_the_library(self) -> None:
        image, _ = sample(1)
        inner: list[lesionlens.Prediction] = []

        def report(progress: lesionlens.Progress) -> None:
            inner.append(model.classify(image, progress=lambda _: None))

        outer = model.classify([image] * 2, batch_limit=1, progress=report)
        self.assertTrue(inner)
        self.assertAlmostEqual(inner[0].logit, outer[0].logit, delta=1e-4)


class Threads(unittest.TestCase):
    def test_eight_threads_get_the_results_of_one(self) -> None:
        images = [sample(index)[0] for index in range(32)]
        expected = [model.classify(image) for image in images]
        barrier = threading.Barrier(8)

        def classify_all() -> list[lesionlens.Prediction]:
            barrier.wait()
            return [model.classify(image) for image in images]

        with ThreadPoolExecutor(8) as pool:
            for running in [pool.submit(classify_all) for _ in range(8)]:
                self.assertEqual(running.result(), expected)

    def test_each_thread_gets_its_own_message(self) -> None:
        def message(number: int) -> str:
            try:
                context.load_model(folder / f"missing-{number}.safetensors")
            except lesionlens.IoError as error:
                return str(error)
            return ""

        with ThreadPoolExecutor(8) as pool:
            for number, text in enumerate(pool.map(message, range(200))):
                self.assertIn(f"missing-{number}.safetensors", text)


class Journey(unittest.TestCase):
    def test_predictions(self) -> None:
        images = [sample(index)[0] for index in range(5)]
        predictions = model.classify(images, batch_limit=2)
        self.assertEqual(len(predictions), 5)
        for image, prediction in zip(images, predictions):
            self.assertAlmostEqual(model.classify(image).logit, prediction.logit, delta=1e-4)
            self.assertAlmostEqual(prediction.probability, 1 / (1 + numpy.exp(-prediction.logit)), delta=1e-6)
            self.assertEqual(prediction.label, int(prediction.probability > prediction.threshold))
        self.assertEqual({prediction.label for prediction in model.classify(images, threshold=0)}, {1})
        self.assertEqual({prediction.label for prediction in model.classify(images, threshold=1)}, {0})
        self.assertEqual(model.classify([]), [])

    def test_one_image_gives_one_result_and_a_list_gives_a_list(self) -> None:
        gray = sample(1)[0]
        lesionlens.write_png(folder / "one.png", gray)
        with lesionlens.ImageFile(folder / "one.png") as file:
            for image in (gray, numpy.dstack([gray] * 3), lesionlens.Image(gray), file):
                one = model.classify(image)
                self.assertIsInstance(one, lesionlens.Prediction)
                for images in ([image], (image,), iter([image])):
                    self.assertEqual(model.classify(images), [one])
            self.assertEqual(model.heatmap(file).summary, model.heatmaps([gray])[0].summary)
        with self.assertRaisesRegex(TypeError, "an image is a list"):
            model.heatmap([gray])

    def test_a_saved_model_says_the_same(self) -> None:
        images = [sample(index)[0] for index in range(4)]
        model.save(folder / "modèle.safetensors")
        loaded = context.load_model(folder / "modèle.safetensors")
        self.assertEqual(loaded.classify(images), model.classify(images))
        self.assertEqual(loaded.describe()["model_sha256"], model.describe()["model_sha256"])
        self.assertIsNone(model.describe()["file_sha256"])

    def test_heatmaps(self) -> None:
        image = sample(1, side=96)[0][:70]
        for options in ({"tile_size": 32, "stride": 20}, {"tile_size": 32, "stride": 20, "blend": "gaussian"}):
            with self.subTest(options), model.heatmap(image, **options) as heatmap:
                values, tiles, summary = heatmap.values, heatmap.tiles, heatmap.summary
                self.assertEqual((values.dtype, values.shape), (numpy.float32, (70, 96)))
                self.assertEqual((tiles.dtype, tiles.shape), (lesionlens.TILE, (summary.rows, summary.columns)))
                self.assertFalse(values.flags.writeable or tiles.flags.writeable)
                self.assertAlmostEqual(float(values.mean()), summary.mean, delta=1e-5)
                self.assertEqual(float(values.max()), summary.maximum)
                self.assertEqual(int(tiles["probability"].argmax()), summary.hottest_tile)
                self.assertEqual(float((tiles["x"] + tiles["width"]).max()), 96)
                self.assertEqual(float((tiles["y"] + tiles["height"]).max()), 70)
                tile = tiles[1, 2]
                part = image[int(tile["y"]) :, int(tile["x"]) :][:32, :32]
                self.assertAlmostEqual(model.classify(part).logit, float(tile["logit"]), delta=1e-3)
        whole = model.classify(image).logit
        cam = model.heatmap(image, method="cam", resize_width=32, resize_height=32).summary.prediction.logit
        self.assertAlmostEqual(cam, whole, delta=1e-3)
        together = model.heatmaps([image, image[:64]], tile_size=32, stride=32)
        self.assertEqual([heatmap.values.shape for heatmap in together], [(70, 96), (64, 96)])

    def test_the_reference_edge_leaves_the_border_at_zero(self) -> None:
        values = model.heatmap(sample(1, side=100)[0], tile_size=64, stride=48, edge="reference").values
        self.assertTrue((values[64:] == 0).all() and (values[:, 64:] == 0).all() and (values[:64, :64] > 0).all())

    def test_overlay(self) -> None:
        image, _ = sample(1)
        heatmap = model.heatmap(image, tile_size=32, stride=8)
        plain = heatmap.overlay(image, alpha=0)
        numpy.testing.assert_array_equal(plain, numpy.dstack([image] * 3 + [numpy.full_like(image, 255)]))
        colours = heatmap.overlay(image, colormap="gray", scale="absolute", alpha=1)
        numpy.testing.assert_allclose(colours[..., 0] / 255, heatmap.values, atol=0.01)
        self.assertNotEqual(heatmap.overlay(image).tobytes(), heatmap.overlay(image, colormap="jet").tobytes())
        with self.assertRaisesRegex(lesionlens.ArgumentError, "47"):
            heatmap.overlay(image[:47])

    def test_evaluate(self) -> None:
        report = model.evaluate(dataset(0, 12), output_dir=folder / "report")
        self.assertEqual([result["id"] for result in report["results"]], [f"image {index}" for index in range(12)])
        self.assertEqual([result["label"] for result in report["results"]], [0, 1] * 6)
        right = sum(result["label"] == result["predicted"] for result in report["results"])
        self.assertAlmostEqual(report["metrics"]["accuracy"], right / 12)
        self.assertEqual(json.loads((folder / "report" / "report.json").read_text())["samples"], 12)
        self.assertEqual(len((folder / "report" / "predictions.csv").read_text().splitlines()), 13)
        with self.assertRaises(lesionlens.DataError):
            model.evaluate(lesionlens.Dataset())

    def test_evaluate_has_intervals_curves_and_operating_points(self) -> None:
        report = model.evaluate(dataset(0, 12), target_sensitivity=0.8, bootstrap_samples=300, seed=3)
        metrics, intervals, undefined = report["metrics"], report["intervals"], report["undefined"]
        self.assertEqual(set(metrics), set(intervals))
        for name, interval in intervals.items():
            with self.subTest(name):
                if interval is None:
                    self.assertTrue(undefined.get(f"{name}_interval") or undefined.get(name))
                else:
                    self.assertTrue(interval["low"] <= metrics[name] <= interval["high"] or name in ("ece", "log_loss"))
                    self.assertIn(interval["method"], ("wilson", "delong", "bootstrap"))
        self.assertEqual(intervals["accuracy"]["method"], "wilson")
        area = numpy.trapezoid(report["roc"]["true_positive_rate"], report["roc"]["false_positive_rate"])
        self.assertAlmostEqual(area, metrics["roc_auc"], places=9)
        self.assertEqual(sum(entry["count"] for entry in report["reliability"]), 12)
        point = report["operating_points"]["sensitivity"]
        self.assertEqual(point["target"], 0.8)
        again = model.evaluate(dataset(0, 12), threshold=point["threshold"], bootstrap_samples=0)
        self.assertEqual(again["confusion_matrix"], {name: point[name] for name in again["confusion_matrix"]})
        self.assertIn("bootstrap_samples is 0", again["undefined"]["brier_interval"])
        self.assertEqual(
            model.evaluate(dataset(0, 12), bootstrap_samples=300, seed=3)["intervals"], report["intervals"]
        )
        for wrong in ({"target_sensitivity": 0.0}, {"bootstrap_samples": 99}):
            with self.assertRaisesRegex(lesionlens.ArgumentError, next(iter(wrong))):
                model.evaluate(dataset(0, 12), **wrong)

    def test_calibrate(self) -> None:
        noisy = dataset(0, 12)
        # The same image in both classes: the logits do not separate them, so that there is a temperature.
        for index in (2, 5):
            pixels, label = sample(index)
            noisy.add(pixels, 1 - label)
        made, report = model.calibrate(noisy, operating_point="sensitivity", target_sensitivity=0.75)
        described = made.describe()
        self.assertEqual(described["model_sha256"], model.describe()["model_sha256"])
        self.assertEqual((model.describe()["temperature"], model.describe()["operating_point"]), (1, None))
        self.assertNotEqual(described["temperature"], 1)
        self.assertEqual(described["operating_point"], report["operating_point"])
        self.assertGreaterEqual(report["operating_point"]["sensitivity"]["value"], 0.75)
        self.assertLess(report["after"]["log_loss"], report["before"]["log_loss"])
        made.save(folder / "calibrated.safetensors")
        loaded = context.load_model(folder / "calibrated.safetensors")
        image, _ = sample(3)
        self.assertEqual(loaded.classify(image), made.classify(image))
        expected = model.classify(image).logit / described["temperature"]
        self.assertAlmostEqual(made.classify(image).logit, expected, places=5)
        # Training goes on from the weights alone.
        trained = context.train(dataset(0, 16), start_model=loaded, **TINY)
        self.assertEqual((trained.describe()["temperature"], trained.describe()["operating_point"]), (1, None))
        self.assertEqual(trained.describe()["threshold"], 0.5)
        with self.assertRaisesRegex(lesionlens.DataError, "1 positive and 0 negative"):
            only = lesionlens.Dataset()
            only.add(*sample(1))
            model.calibrate(only)
        with self.assertRaisesRegex(ValueError, "operating_point is 'best'"):
            model.calibrate(noisy, operating_point="best")

    def test_int8(self) -> None:
        path = folder / "int8.safetensors"
        updates: list[int] = []
        model.optimize(
            path, variant="int8", calibration=dataset(0, 12), batch_limit=4, progress=lambda update: updates.append(1)
        )
        self.assertGreater(len(updates), 0)
        self.assertTrue(context.load_model(path).describe()["int8"])
        images = [sample(index)[0] for index in range(6)]
        self.assertEqual(context.load_model(path).classify(images), model.classify(images))
        try:
            bytes_context = lesionlens.Context(precision="int8", device="cpu")
        except lesionlens.UnsupportedError as error:
            self.assertIn("VNNI", str(error))
        else:
            rounded = bytes_context.load_model(path)
            self.assertEqual(rounded.describe()["engine"], "plan-avx512-int8")
            found = [prediction.logit for prediction in rounded.classify(images)]
            exact = [prediction.logit for prediction in model.classify(images)]
            self.assertNotEqual(found, exact)
            numpy.testing.assert_allclose(found, exact, rtol=0.1, atol=0.1)
            # In any batch the same bits.
            self.assertEqual(found, [rounded.classify(image).logit for image in images])
        with self.assertRaisesRegex(lesionlens.ArgumentError, "calibration"):
            model.optimize(path, variant="int8")
        with self.assertRaisesRegex(TypeError, "calibration is a list"):
            model.optimize(path, variant="int8", calibration=[])
        token = lesionlens.CancelToken()
        token.trigger()
        with self.assertRaises(lesionlens.Cancelled):
            model.optimize(folder / "none.safetensors", variant="int8", calibration=dataset(0, 12), cancel=token)
        self.assertFalse((folder / "none.safetensors").exists())

    def test_datasets(self) -> None:
        whole = dataset(0, 20)
        first, second = whole.split(0.7, seed=5)
        self.assertEqual((len(whole), len(first), len(second)), (20, 14, 6))
        self.assertEqual(first.describe()["positives"], 7)
        ids = [result["id"] for part in (first, second) for result in model.evaluate(part)["results"]]
        self.assertEqual(sorted(ids), sorted(f"image {index}" for index in range(20)))
        (folder / "data" / "images").mkdir(parents=True)
        rows = ["file,lesion"]
        for index in range(6):
            lesionlens.write_png(folder / "data" / "images" / f"{index}.png", sample(index)[0])
            rows.append(f"{index}.png,{'yes' if index % 2 else 'no'}")
        (folder / "data" / "labels.csv").write_text("\n".join(rows) + "\n")
        columns = {"filename_column": "file", "label_column": "lesion", "positive_class": "yes"}
        opened = lesionlens.Dataset.open(folder / "data", **columns)
        self.assertEqual((len(opened), opened.describe()["positives"]), (6, 3))
        with self.assertRaises(lesionlens.FormatError):
            opened.extend(folder / "data")
        self.assertEqual(len(opened), 6)
        opened.extend(folder / "data", **columns)
        self.assertEqual(len(opened), 12)
        expected = model.classify([sample(index)[0] for index in range(6)])
        found = model.evaluate(opened)["results"][:6]
        for prediction, result in zip(expected, sorted(found, key=lambda result: result["id"])):
            self.assertAlmostEqual(prediction.probability, result["probability"], delta=1e-5)

    def test_image_files(self) -> None:
        colour = numpy.dstack([sample(index)[0] for index in (1, 2, 3)])
        arrays = [sample(1)[0], sample(1)[0].astype(numpy.uint16) * 257, colour]
        arrays.append(numpy.dstack([colour, sample(4)[0]]))
        for array in arrays:
            with self.subTest(array.shape, dtype=array.dtype):
                path = folder / "image.png"
                lesionlens.write_png(path, array)
                file = lesionlens.ImageFile(path)
                self.assertEqual(file.frames, 1)
                self.assertEqual(model.classify(file), model.classify(array))
                view = file.array
                file.close()
                self.assertEqual(view.dtype, array.dtype)
                self.assertFalse(view.flags.writeable)
                numpy.testing.assert_array_equal(view, array)
        with self.assertRaisesRegex(lesionlens.ArgumentError, "7"):
            lesionlens.ImageFile(path, frame=7)
        with self.assertRaisesRegex(lesionlens.FormatError, "test_bindings.py"):
            lesionlens.ImageFile(__file__)

    def test_series_have_their_slices_in_spatial_order(self) -> None:
        directory = folder / "series"
        directory.mkdir()
        for name, number in {"a": 30, "b": 10, "c": 60, "d": 20}.items():
            write_slice(directory / name, "1.2.3", number)
        with lesionlens.Series(directory) as series:
            self.assertEqual(len(series), 4)
            slices = [series.load(index, **model.read_options) for index in range(4)]
            self.assertEqual([slice.array.item() for slice in slices], [10, 20, 30, 60])
            self.assertEqual(slices[0].frames, 4)
            described = series.describe()
            self.assertEqual((described["uid"], described["modality"]), ("1.2.3", "CT"))
            expected = {"path": str(directory / "b"), "frame": 0, "position_mm": 10.0}
            self.assertEqual(described["slices"][0], expected)
            self.assertIn("as if 2 were missing", described["notes"][0])
            with self.assertRaisesRegex(lesionlens.ArgumentError, "slice is 4"):
                series.load(4)
            with self.assertRaisesRegex(ValueError, "slice is -1"):
                series.load(-1)
        write_slice(directory / "e", "1.2.4", 15)
        with self.assertRaisesRegex(lesionlens.DataError, "4 slices of 1 x 1, 1.2.3; CT, 1 slice of 1 x 1, 1.2.4"):
            lesionlens.Series(directory)
        self.assertEqual(len(lesionlens.Series(directory, "1.2.4")), 1)
        with self.assertRaisesRegex(lesionlens.DataError, "has no series 1.2.5"):
            lesionlens.Series(directory, uid="1.2.5")
        with self.assertRaisesRegex(lesionlens.IoError, "nowhere"):
            lesionlens.Series(folder / "nowhere")

    def test_files_are_read_as_the_options_say(self) -> None:
        table = lesionlens.LookupTable(numpy.arange(256, dtype=numpy.uint16)[::-1], first=-3, bits=8)
        array = sample(1)[0]
        seen = numpy.clip(255 - (array.astype(int) + 3), 0, 255).astype(numpy.uint8)
        self.assertEqual(model.classify(lesionlens.Image(array, lut=table)), model.classify(seen))
        self.assertEqual(model.read_options, {"display": "viewer", "window": 0, "apply_orientation": True})
        path = folder / "plain.png"
        lesionlens.write_png(path, array)
        file = lesionlens.ImageFile(path, **model.read_options)
        self.assertEqual(model.classify(file), model.classify(array))
        with self.assertRaisesRegex(lesionlens.ArgumentError, "window is 2"):
            lesionlens.ImageFile(path, window=2)
        with self.assertRaisesRegex(TypeError, "windows"):
            lesionlens.ImageFile(path, windows=2)  # type: ignore[call-arg]
        with self.assertRaisesRegex(TypeError, "int64"):
            lesionlens.LookupTable(numpy.arange(4))

    def test_training_improves_on_its_start(self) -> None:
        losses: list[float] = []

        def report(progress: lesionlens.Progress) -> None:
            if progress.phase == "train" and progress.done == progress.total:
                losses.append(progress.loss)

        options = {**TINY, "epochs": 6, "learning_rate": 1e-3}
        start = model.describe()["model_sha256"]
        trained = context.train(dataset(0, 24), start_model=model, progress=report, **options)
        self.assertEqual(len(losses), 6)
        self.assertLess(losses[-1], losses[0])
        self.assertEqual(model.describe()["model_sha256"], start)
        self.assertNotEqual(trained.describe()["model_sha256"], start)
        self.assertEqual(len(trained.describe()["training"]["epochs"]), 6)

    def test_context_describes_itself(self) -> None:
        described = context.describe()
        self.assertEqual(described["library"], lesionlens.library_version)
        self.assertEqual(described["policy"]["device"]["value"], "cpu")


if __name__ == "__main__":
    unittest.main()
