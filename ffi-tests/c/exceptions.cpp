// A C++ program with exceptions of its own beside the library's decoder in C++, which throws them inside: CharLS refuses every
// damaged JPEG-LS image that way. Neither sees the other's, though the library has a C++ runtime of its own.
#include "lesionlens.h"

#include <atomic>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

/// 20 x 12 pixels of 8 bits, by CharLS.
const char stream[] =
    "\xff\xd8\xff\xf7\x00\x0b\x08\x00\x0c\x00\x14\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00\x00\x00\x01\x79"
    "\x03\xb2\xad\xef\x0a\xc0\x80\xe3\x9e\x78\x83\x96\x52\x70\x0e\x18\x3f\x29\x6b\x08\xb9\x83\x04\xc8\x31\x30\xc3\x8a\x1b"
    "\x9d\x15\x88\x63\x19\x54\x04\x21\x80\x12\x70\x2a\xd0\xbf\xe1\x18\x22\x1c\x43\x80\x10\x43\x38\x40\xbc\x9d\xe3\x5a\xb2"
    "\x20\x08\x11\x85\x08\x52\x04\x41\xa1\x93\x3c\xc9\x0d\x71\xc3\x10\x20\xa6\x00\xc0\x21\x04\x30\x07\xff\x54\x44\x28\x48"
    "\x46\x39\x4e\xa0\x08\xc0\x95\x94\xcc\x59\x8a\x9a\xb8\x75\x90\x43\x31\xc2\xf6\x46\x4c\x3b\x81\x82\x44\xb9\x24\x00\x45"
    "\x84\x56\xaa\x58\xe6\x15\x98\xce\x11\x09\xfd\x7a\x20\x22\xd9\xd3\x13\x54\x92\xea\x4e\x24\x76\x8c\x84\xb1\x2f\x90\x12"
    "\x09\x62\x94\x82\xc6\x1d\x15\x44\xff\xd9";

std::string little(unsigned value, int bytes)
{
    std::string text;
    for (; bytes > 0; --bytes, value >>= 8)
        text += static_cast<char>(value & 0xff);
    return text;
}

std::string element(unsigned group, unsigned number, const std::string &kind, std::string value)
{
    if (value.size() % 2)
        value += kind == "UI" ? '\0' : ' ';
    return little(group, 2) + little(number, 2) + kind + little(static_cast<unsigned>(value.size()), 2) + value;
}

/// A DICOM file with the code stream as its only frame.
std::string dicom(const std::string &code_stream)
{
    const std::string meta = element(2, 0x10, "UI", "1.2.840.10008.1.2.4.80");
    const std::string empty_item = little(0xe000fffe, 4) + little(0, 4);
    const std::string item = little(0xe000fffe, 4) + little(static_cast<unsigned>(code_stream.size()), 4);
    return std::string(128, '\0') + "DICM" + element(2, 0, "UL", little(static_cast<unsigned>(meta.size()), 4)) + meta +
           element(0x28, 2, "US", little(1, 2)) + element(0x28, 4, "CS", "MONOCHROME2") +
           element(0x28, 0x10, "US", little(12, 2)) + element(0x28, 0x11, "US", little(20, 2)) +
           element(0x28, 0x100, "US", little(8, 2)) + element(0x28, 0x101, "US", little(8, 2)) +
           element(0x28, 0x102, "US", little(7, 2)) + element(0x28, 0x103, "US", little(0, 2)) +
           std::string("\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff", 12) + empty_item + item + code_stream +
           std::string("\xfe\xff\xdd\xe0\0\0\0\0", 8);
}

std::string written(const std::string &directory, const std::string &name, const std::string &bytes)
{
    const std::string path = directory + "/" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
}

lens_status load(const std::string &path)
{
    lens_image_file *file = nullptr;
    const lens_status status = lens_image_file_load(path.c_str(), 0, nullptr, &file);
    lens_image_file_free(file);
    return status;
}

/// An exception of the program's own, with the decoder at work in its handler and while it is under way.
struct Loads {
    const std::string &path;
    std::atomic<int> &wrong;
    ~Loads()
    {
        if (load(path) != LENS_ERROR_FORMAT)
            ++wrong;
    }
};

void throw_and_catch(const std::string &broken, std::atomic<int> &wrong)
{
    const int before = std::uncaught_exceptions();
    try {
        const Loads loads{broken, wrong};
        throw std::runtime_error("the program's own");
    } catch (const std::exception &error) {
        if (load(broken) != LENS_ERROR_FORMAT || std::string(error.what()) != "the program's own")
            ++wrong;
        try {
            std::vector<int>().at(3);
            ++wrong;
        } catch (const std::out_of_range &) {
        }
        const std::exception_ptr current = std::current_exception();
        try {
            std::rethrow_exception(current);
        } catch (const std::runtime_error &) {
        }
    }
    if (std::uncaught_exceptions() != before)
        ++wrong;
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    const std::string whole(std::begin(stream), std::end(stream) - 1);
    const std::string good = written(argv[1], "whole.dcm", dicom(whole));
    std::vector<std::string> broken;
    for (std::size_t end = 30; end < 170; end += 10)
        broken.push_back(written(argv[1], "broken" + std::to_string(end) + ".dcm", dicom(whole.substr(0, end))));
    if (load(good) != LENS_OK) {
        std::printf("the whole image: %s\n", lens_last_error());
        return 1;
    }
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
        threads.emplace_back([&] {
            for (int round = 0; round < 50; ++round)
                for (const std::string &path : broken) {
                    throw_and_catch(path, wrong);
                    if (load(good) != LENS_OK)
                        ++wrong;
                }
        });
    for (std::thread &thread : threads)
        thread.join();
    if (wrong != 0)
        std::printf("%d times something else came\n", wrong.load());
    return wrong == 0 ? 0 : 1;
}
