/* Memory by brk: blocks lie one after the other, each behind a head; free neighbours merge when a
 * search passes them. */
#include "ulib.h"

struct head {
    size_t size; /* of the block behind it */
    size_t is_free;
};

enum { GROW = 64 * 1024 };

static struct head *first;
static char *heap_end;

static struct head *next_of(struct head *head)
{
    return (struct head *)((char *)(head + 1) + head->size);
}

static void grow(size_t size)
{
    if (!first) {
        char *start = sys_brk(NULL);
        char *aligned = (char *)(((u64)start + 15) & ~15UL);
        first = (struct head *)aligned;
        heap_end = aligned;
    }
    size_t wanted = (size + sizeof(struct head) + GROW - 1) & ~(size_t)(GROW - 1);
    if ((char *)sys_brk(heap_end + wanted) < heap_end + wanted)
        die(1, "out of memory");
    struct head *fresh = (struct head *)heap_end;
    fresh->size = wanted - sizeof(struct head);
    fresh->is_free = 1;
    heap_end += wanted;
}

static void merge(struct head *head)
{
    struct head *next = next_of(head);
    while ((char *)next < heap_end && next->is_free) {
        head->size += sizeof(struct head) + next->size;
        next = next_of(head);
    }
}

static struct head *find(size_t size)
{
    struct head *head = first;
    while (head && (char *)head < heap_end) {
        if (head->is_free) {
            merge(head);
            if (head->size >= size)
                return head;
        }
        head = next_of(head);
    }
    return NULL;
}

void *allocate(size_t size)
{
    if (size > ((size_t)1 << 46))
        die(1, "out of memory");
    size = (size + 15) & ~(size_t)15;
    struct head *head = find(size);
    if (!head) {
        grow(size);
        head = find(size);
    }
    if (head->size >= size + 4 * sizeof(struct head)) {
        struct head *rest = (struct head *)((char *)(head + 1) + size);
        rest->size = head->size - size - sizeof(struct head);
        rest->is_free = 1;
        head->size = size;
    }
    head->is_free = 0;
    return head + 1;
}

void *reallocate(void *block, size_t size)
{
    if (!block)
        return allocate(size);
    struct head *head = (struct head *)block - 1;
    if (head->size >= size)
        return block;
    void *bigger = allocate(size);
    memcpy(bigger, block, head->size);
    release(block);
    return bigger;
}

void release(void *block)
{
    if (block)
        ((struct head *)block - 1)->is_free = 1;
}

char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(allocate(size), text, size);
}
