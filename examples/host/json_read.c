#define _POSIX_C_SOURCE 200809L

#include "json_read.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t\r\n");
}

static const char *skip_string(const char *text)
{
    for (text++; *text != '\0' && *text != '"'; text++) {
        if (*text == '\\' && text[1] != '\0') {
            text++;
        }
    }
    return *text == '"' ? text + 1 : text;
}

static const char *skip_value(const char *text)
{
    size_t depth = 0;
    while (*text != '\0') {
        if (*text == '"') {
            text = skip_string(text);
        } else if (*text == '{' || *text == '[') {
            depth++;
            text++;
        } else if (*text == '}' || *text == ']') {
            if (depth == 0) {
                return text;
            }
            depth--;
            text++;
        } else if (depth > 0) {
            text++;
            continue;
        } else {
            return text + strcspn(text, ",]} \t\r\n");
        }
        if (depth == 0) {
            return text;
        }
    }
    return text;
}

struct json_cursor json_open(const char *container)
{
    struct json_cursor cursor = {0};
    if (container != NULL && (*container == '{' || *container == '[')) {
        cursor.next = skip_blanks(container + 1);
        /* Not NULL only marks an object here; json_next() sets the real one. */
        cursor.key = *container == '{' ? container : NULL;
    }
    return cursor;
}

bool json_next(struct json_cursor *cursor)
{
    const char *text = cursor->next;
    if (text == NULL || *text == '}' || *text == ']' || *text == '\0') {
        return false;
    }
    if (cursor->key != NULL) {
        cursor->key = text;
        text = skip_blanks(skip_string(text));
        text = skip_blanks(*text == ':' ? text + 1 : text);
    }
    cursor->value = text;
    text = skip_blanks(skip_value(text));
    cursor->next = skip_blanks(*text == ',' ? text + 1 : text);
    return true;
}

static const char *find_member(const char *object, const char *name, size_t length)
{
    if (object == NULL || *object != '{') {
        return NULL;
    }
    for (struct json_cursor cursor = json_open(object); json_next(&cursor);) {
        if (strncmp(cursor.key + 1, name, length) == 0 && cursor.key[1 + length] == '"') {
            return cursor.value;
        }
    }
    return NULL;
}

const char *json_find(const char *document, const char *path)
{
    const char *value = document == NULL ? NULL : skip_blanks(document);
    while (value != NULL && *path != '\0') {
        size_t length = strcspn(path, ".");
        value = find_member(value, path, length);
        path += path[length] == '.' ? length + 1 : length;
    }
    return value;
}

bool json_read_number(const char *value, double *number)
{
    if (value == NULL || strchr("-0123456789", *value) == NULL || *value == '\0') {
        return false;
    }
    *number = strtod(value, NULL);
    return true;
}

/* Four hexadecimal digits; 0xFFFD where there are none. */
static unsigned long read_code_unit(const char *digits)
{
    char copy[5] = {0};
    if (strspn(digits, "0123456789abcdefABCDEF") < 4) {
        return 0xFFFD;
    }
    memcpy(copy, digits, 4);
    return strtoul(copy, NULL, 16);
}

static char *write_utf8(char *to, unsigned long code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *to++ = (char)(0xE0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    } else {
        *to++ = (char)(0xF0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    }
    return to;
}

/* The character of the escape whose letter is at from; *from is left at its last byte. */
static char *read_escape(const char **from, char *to)
{
    static const char letters[] = "bfnrt";
    static const char characters[] = "\b\f\n\r\t";
    const char *letter = strchr(letters, **from);
    if (letter != NULL) {
        *to++ = characters[letter - letters];
        return to;
    }
    if (**from != 'u') {
        *to++ = **from;
        return to;
    }
    unsigned long code = read_code_unit(*from + 1);
    *from += strnlen(*from + 1, 4);
    if (code >= 0xD800 && code < 0xDC00 && (*from)[1] == '\\' && (*from)[2] == 'u') {
        unsigned long low = read_code_unit(*from + 3);
        if (low >= 0xDC00 && low < 0xE000) {
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            *from += 6;
        }
    }
    return write_utf8(to, code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);
}

char *json_read_text(const char *value)
{
    if (value == NULL) {
        return copy_text("", 0);
    }
    size_t length = (size_t)(skip_value(value) - value);
    if (*value != '"') {
        return copy_text(value, length);
    }
    /* No escape is shorter than its character, so the escaped length is enough. */
    char *text = allocate(length + 1, 1);
    char *to = text;
    const char *end = value + length - 1;
    for (const char *from = value + 1; from < end; from++) {
        if (*from == '\\' && from + 1 < end) {
            from++;
            to = read_escape(&from, to);
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return text;
}
