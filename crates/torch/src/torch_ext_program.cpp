// Networks compiled beforehand: TorchScript programs and AOTInductor packages. No exception leaves this file.

#include "torch_ext.hpp"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/quantize_per_tensor.h>
#include <c10/core/InferenceMode.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/resolver.h>
#include <torch/csrc/jit/frontend/sugared_value.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/csrc/jit/serialization/pickler.h>

#include <algorithm>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

using lens_ext::guarded;
using lens_ext::tensor;

namespace {

// Where a quantised Linear of PyTorch keeps its weight and bias.
const std::string packed = "_packed_params";

struct Program {
    virtual ~Program() = default;
    virtual at::Tensor run(const at::Tensor &input) = 0;
};

struct Script final : Program {
    torch::jit::Module module;
    std::string metadata;

    at::Tensor run(const at::Tensor &input) override {
        // The program was optimised when it was loaded. To watch its first runs and compile anew for what they saw would
        // make those slow, and again with each new size.
        torch::jit::GraphOptimizerEnabledGuard as_it_is(false);
        return module.forward({input}).toTensor();
    }
};

struct Package final : Program {
    torch::inductor::AOTIModelPackageLoader loader;

    Package(const char *path, const char *name, size_t runners, int device)
        : loader(path, name, false, runners, static_cast<c10::DeviceIndex>(device)) {}

    at::Tensor run(const at::Tensor &input) override {
        auto results = loader.run({input});
        TORCH_CHECK(results.size() == 1, "the package gives ", results.size(), " results instead of one");
        return results[0];
    }
};

std::vector<c10::IValue> call(const char *operation, std::vector<c10::IValue> stack) {
    c10::Dispatcher::singleton().findSchemaOrThrow(operation, "").callBoxed(stack);
    return stack;
}

// The names that a program written here may use.
struct Names final : torch::jit::Resolver {
    std::shared_ptr<torch::jit::SugaredValue> resolveValue(const std::string &name, torch::jit::GraphFunction &,
                                                           const torch::jit::SourceRange &) override {
        if (name == "torch") return std::make_shared<torch::jit::BuiltinModule>("aten");
        if (name == "quantized") return std::make_shared<torch::jit::BuiltinModule>("quantized");
        return nullptr;
    }
};

// Modules within modules, by the dots of their names.
class Modules {
  public:
    torch::jit::Module of(const std::string &path) {
        const auto found = made_.find(path);
        if (found != made_.end()) return found->second;
        const std::string class_name = path.empty() ? "DenseNet" : "Part";
        torch::jit::Module module(c10::QualifiedName("__torch__.lesionlens." + class_name), unit_, true);
        if (!path.empty()) {
            const auto [above, name] = split(path);
            of(above).register_module(name, module);
        }
        made_.emplace(path, module);
        return module;
    }

    static std::pair<std::string, std::string> split(const std::string &path) {
        const auto dot = path.rfind('.');
        if (dot == std::string::npos) return {"", path};
        return {path.substr(0, dot), path.substr(dot + 1)};
    }

  private:
    std::shared_ptr<torch::jit::CompilationUnit> unit_ = std::make_shared<torch::jit::CompilationUnit>();
    std::map<std::string, torch::jit::Module> made_;
};

// As torch.ao.quantization.quantize_dynamic() packs a Linear: symmetric, one scale for the whole weight (its
// MinMaxObserver), and activations quantised while it runs.
c10::IValue packed_linear(const at::Tensor &weight, const at::Tensor &bias) {
    const double largest = std::max(weight.abs().max().item<double>(), 1e-12);
    const auto quantised = at::quantize_per_tensor(weight, largest / 127.5, 0, at::kQInt8);
    return call("quantized::linear_prepack", {quantised, std::optional<at::Tensor>(bias)})[0];
}

}  // namespace

// Reads a program, its weights into the machine's memory: packed 8-bit weights cannot be elsewhere.
extern "C" int lens_ext_script_read(const char *bytes, size_t size, const char *metadata_name,
                                    Program **program) noexcept {
    return guarded([&] {
        auto script = std::make_unique<Script>();
        torch::jit::ExtraFilesMap extra{{metadata_name, ""}};
        std::istringstream stream(std::string(bytes, size));
        script->module = torch::jit::load(stream, at::kCPU, extra);
        script->metadata = std::move(extra[metadata_name]);
        *program = script.release();
    });
}

// Calls visit(context, name, tensor, quantised) for each parameter and buffer, quantised Linears as floats, and
// visit(context, metadata, null, 0). The tensor is the visitor's to free.
extern "C" int lens_ext_script_visit(const Program *program, void *context,
                                     void (*visit)(void *, const char *, at::Tensor *, int)) noexcept {
    return guarded([&] {
        const auto &script = dynamic_cast<const Script &>(*program);
        visit(context, script.metadata.c_str(), nullptr, 0);
        for (const auto &attribute : script.module.named_attributes(true)) {
            const auto [path, name] = Modules::split(attribute.name);
            if (attribute.value.isTensor()) {
                visit(context, attribute.name.c_str(), new at::Tensor(attribute.value.toTensor()), 0);
            } else if (name == packed && attribute.value.isCustomClass()) {
                const auto values = call("quantized::linear_unpack", {attribute.value});
                // The packed values lie in a module of their own within the Linear.
                const auto [linear, holder] = Modules::split(path);
                const std::string prefix = (holder == packed ? linear : path) + ".";
                const auto weight = values.at(0).toTensor().dequantize();
                visit(context, (prefix + "weight").c_str(), new at::Tensor(weight), 1);
                if (values.at(1).isTensor())
                    visit(context, (prefix + "bias").c_str(), new at::Tensor(values.at(1).toTensor()), 1);
            }
        }
    });
}

// Makes a program that was read ready to run where `where` lies: weights become constants, norms are folded into
// convolutions, and operators are exchanged for the device's faster ones.
extern "C" int lens_ext_script_optimize(Program *program, const void *where) noexcept {
    return guarded([&] {
        auto &script = dynamic_cast<Script &>(*program);
        script.module.to(tensor(where).device());
        script.module.eval();
        script.module = torch::jit::freeze(script.module);
        script.module = torch::jit::optimize_for_inference(script.module);
    });
}

// One of the graphs of a package. `runners` calls can be computed at once. `device` is the GPU's index, -1 on the CPU.
extern "C" int lens_ext_package_load(const char *path, const char *name, size_t runners, int device,
                                     Program **program) noexcept {
    return guarded([&] { *program = new Package(path, name, runners, device); });
}

extern "C" int lens_ext_program_run(Program *program, const void *input, at::Tensor **output) noexcept {
    return guarded([&] {
        c10::InferenceMode guard;
        *output = new at::Tensor(program->run(tensor(input)));
    });
}

extern "C" void lens_ext_program_free(Program *program) noexcept {
    guarded([&] { delete program; });
}

// Gives write(context, bytes, size) a TorchScript archive whose forward() is `source`. The Linear at `int8_head`, unless
// that is null, is quantised dynamically; the tensors named like its weight and bias are packed there.
extern "C" int lens_ext_script_write(const char *const *names, const void *const *tensors, size_t count,
                                     const char *source, const char *int8_head, const char *metadata_name,
                                     const char *metadata, void *context,
                                     void (*write)(void *, const char *, size_t)) noexcept {
    return guarded([&] {
        Modules modules;
        at::Tensor head_weight, head_bias;
        for (size_t index = 0; index < count; ++index) {
            const auto [path, name] = Modules::split(names[index]);
            const auto value = tensor(tensors[index]).to(at::kCPU).contiguous();
            if (int8_head && path == int8_head)
                (name == "weight" ? head_weight : head_bias) = value;
            else
                modules.of(path).register_parameter(name, value, false);
        }
        if (int8_head) {
            const auto value = packed_linear(head_weight, head_bias);
            modules.of(std::string(int8_head) + "." + packed).register_attribute(packed, value.type(), value);
        }
        auto root = modules.of("");
        root.define(source, std::make_shared<Names>());
        root.eval();
        std::ostringstream stream;
        root.save(stream, {{metadata_name, metadata}});
        const std::string bytes = stream.str();
        write(context, bytes.data(), bytes.size());
    });
}

// Gives write(context, bytes, size), part by part, what torch.save() writes of a dict of tensors.
extern "C" int lens_ext_state_dict_write(const char *const *names, const void *const *tensors, size_t count,
                                         const char *metadata_name, const char *metadata, void *context,
                                         void (*write)(void *, const char *, size_t)) noexcept {
    return guarded([&] {
        c10::Dict<std::string, at::Tensor> state;
        for (size_t index = 0; index < count; ++index)
            state.insert(names[index], tensor(tensors[index]).to(at::kCPU).contiguous());
        std::string pickle;
        // Without the tags by which TorchScript tells the types of dicts: PyTorch's data-only reader refuses them.
        torch::jit::Pickler pickler([&](const char *data, size_t size) { pickle.append(data, size); }, nullptr, nullptr,
                                    nullptr, nullptr, false);
        pickler.protocol();
        pickler.pushIValue(state);
        pickler.stop();
        caffe2::serialize::PyTorchStreamWriter writer([&](const void *data, size_t size) {
            write(context, static_cast<const char *>(data), size);
            return size;
        });
        writer.writeRecord("data.pkl", pickle.data(), pickle.size());
        size_t index = 0;
        for (const at::Tensor &values : pickler.tensorData())
            writer.writeRecord("data/" + std::to_string(index++), values.storage().data(), values.storage().nbytes());
        const std::string extra = metadata;
        writer.writeRecord(std::string("extra/") + metadata_name, extra.data(), extra.size());
        writer.writeEndOfFile();
    });
}
