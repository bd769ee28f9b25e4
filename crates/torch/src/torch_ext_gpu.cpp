// libtorch's GPU library: whether it is there, its settings, its memory. Written against the parts of libtorch that are
// the same in its CPU, CUDA and ROCm builds, of which any may be loaded. No exception leaves this file.

#include "torch_ext.hpp"

#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

using lens_ext::guarded;

// Whether a GPU library has registered itself. ROCm builds call their device CUDA, too. Asks nothing that libtorch would
// remember.
extern "C" int lens_ext_gpu_registered() noexcept {
    return c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA);
}

// 1 for CUDA, 2 for ROCm, 0 when libtorch knows of neither. From this question on it keeps to its answer.
extern "C" int lens_ext_gpu_build() noexcept {
    int build = 0;
    guarded([&] {
        if (at::Context::hasROCM())
            build = 2;
        else if (at::Context::hasCUDART())
            build = 1;
    });
    return build;
}

// TF32 for products and convolutions of f32 on NVIDIA GPUs alone: the older switches of libtorch would change the CPU's
// arithmetic as well.
extern "C" int lens_ext_gpu_settings(int tf32, int benchmark, int deterministic) noexcept {
    return guarded([&] {
        auto &context = at::globalContext();
        const auto precision = tf32 ? at::Float32Precision::TF32 : at::Float32Precision::IEEE;
        context.setFloat32Precision(at::Float32Backend::CUDA, at::Float32Op::MATMUL, precision);
        context.setFloat32Precision(at::Float32Backend::CUDA, at::Float32Op::CONV, precision);
        context.setBenchmarkCuDNN(benchmark != 0);
        context.setDeterministicCuDNN(deterministic != 0);
    });
}

extern "C" int lens_ext_gpu_settings_now(int values[3]) noexcept {
    return guarded([&] {
        auto &context = at::globalContext();
        const auto is_tf32 = [&](at::Float32Op operation) {
            return context.float32Precision(at::Float32Backend::CUDA, operation) == at::Float32Precision::TF32;
        };
        values[0] = is_tf32(at::Float32Op::MATMUL) && is_tf32(at::Float32Op::CONV);
        values[1] = context.benchmarkCuDNN();
        values[2] = context.deterministicCuDNN();
    });
}

// Bytes in tensors now and at most, and taken from the GPU now and at most.
extern "C" int lens_ext_gpu_memory(int device, int64_t bytes[4]) noexcept {
    return guarded([&] {
        const auto statistics = at::accelerator::getDeviceStats(static_cast<c10::DeviceIndex>(device));
        const auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
        bytes[0] = statistics.allocated_bytes[all].current;
        bytes[1] = statistics.allocated_bytes[all].peak;
        bytes[2] = statistics.reserved_bytes[all].current;
        bytes[3] = statistics.reserved_bytes[all].peak;
    });
}

extern "C" int lens_ext_gpu_empty_cache() noexcept {
    return guarded([] { at::accelerator::emptyCache(); });
}
