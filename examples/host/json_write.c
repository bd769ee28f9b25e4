#include "json_write.h"

#include <inttypes.h>
#include <math.h>

static void begin_value(struct json_writer *writer)
{
    if (writer->comma_due) {
        fputc(',', writer->out);
    }
    writer->comma_due = true;
}

static void begin(struct json_writer *writer, char bracket)
{
    begin_value(writer);
    fputc(bracket, writer->out);
    writer->comma_due = false;
}

static void end(struct json_writer *writer, char bracket)
{
    fputc(bracket, writer->out);
    writer->comma_due = true;
}

void json_begin_object(struct json_writer *writer)
{
    begin(writer, '{');
}

void json_end_object(struct json_writer *writer)
{
    end(writer, '}');
}

void json_begin_array(struct json_writer *writer)
{
    begin(writer, '[');
}

void json_end_array(struct json_writer *writer)
{
    end(writer, ']');
}

/* Bytes of the UTF-8 character at text; 0 when there is none (Unicode's table of well-formed sequences). */
static int character_length(const unsigned char *text)
{
    unsigned char first = text[0];
    if (first < 0x80) {
        return 1;
    }
    int length = first >= 0xC2 && first <= 0xDF ? 2 : first >= 0xE0 && first <= 0xEF ? 3
                 : first >= 0xF0 && first <= 0xF4 ? 4 : 0;
    unsigned char lowest = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char highest = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    for (int i = 1; i < length; i++) {
        if (text[i] < lowest || text[i] > highest) {
            return 0;
        }
        lowest = 0x80;
        highest = 0xBF;
    }
    return length;
}

static void write_ascii(FILE *out, unsigned char character)
{
    switch (character) {
    case '"':
        fputs("\\\"", out);
        break;
    case '\\':
        fputs("\\\\", out);
        break;
    case '\n':
        fputs("\\n", out);
        break;
    case '\r':
        fputs("\\r", out);
        break;
    case '\t':
        fputs("\\t", out);
        break;
    default:
        if (character < 0x20) {
            fprintf(out, "\\u%04x", (unsigned)character);
        } else {
            fputc(character, out);
        }
        break;
    }
}

static void write_quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *next = (const unsigned char *)text; *next != '\0';) {
        int length = character_length(next);
        if (length == 0) {
            fputs("\xEF\xBF\xBD", out);
            next++;
        } else if (length == 1) {
            write_ascii(out, *next++);
        } else {
            fwrite(next, 1, (size_t)length, out);
            next += length;
        }
    }
    fputc('"', out);
}

void json_key(struct json_writer *writer, const char *key)
{
    json_string(writer, key);
    fputc(':', writer->out);
    writer->comma_due = false;
}

void json_string(struct json_writer *writer, const char *text)
{
    begin_value(writer);
    write_quoted(writer->out, text);
}

void json_number(struct json_writer *writer, double number)
{
    begin_value(writer);
    if (isfinite(number)) {
        fprintf(writer->out, "%.9g", number);
    } else {
        fputs("null", writer->out);
    }
}

void json_integer(struct json_writer *writer, int64_t number)
{
    begin_value(writer);
    fprintf(writer->out, "%" PRId64, number);
}

void json_raw(struct json_writer *writer, const char *json)
{
    begin_value(writer);
    fputs(json, writer->out);
}
