/* Memory of one command: taken in order from chunks, given back down to a mark. */
#include "sh.h"

enum { CHUNK = 32 * 1024, CHUNKS = 4096 };

static struct {
    char *bytes;
    size_t size;
} chunks[CHUNKS];
static size_t chunk, used; /* in use: all chunks below, and used bytes of this one */

void *arena_take(size_t size)
{
    size = (size + 15) & ~(size_t)15;
    while (!chunks[chunk].bytes || chunks[chunk].size - used < size) {
        if (chunks[chunk].bytes && used == 0) {
            release(chunks[chunk].bytes);
            chunks[chunk].bytes = NULL;
        }
        if (chunks[chunk].bytes) {
            if (++chunk == CHUNKS)
                die(2, "command too long");
            used = 0;
            continue;
        }
        chunks[chunk].size = size > CHUNK ? size : CHUNK;
        chunks[chunk].bytes = allocate(chunks[chunk].size);
    }
    used += size;
    return chunks[chunk].bytes + used - size;
}

char *arena_text(const char *text, size_t length)
{
    char *copy = arena_take(length + 1);
    memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

/* A mark is a chunk's number and the bytes used in it. */
size_t arena_mark(void)
{
    return chunk << 40 | used;
}

void arena_reset(size_t mark)
{
    chunk = mark >> 40;
    used = mark & (((size_t)1 << 40) - 1);
}

void text_add(struct text *text, char letter)
{
    if (text->length + 1 >= text->room) {
        size_t room = text->room ? 2 * text->room : 32;
        char *bigger = arena_take(room);
        memcpy(bigger, text->bytes, text->length);
        text->bytes = bigger;
        text->room = room;
    }
    text->bytes[text->length++] = letter;
    text->bytes[text->length] = 0;
}

void text_add_all(struct text *text, const char *letters)
{
    for (; *letters; letters++)
        text_add(text, *letters);
}
