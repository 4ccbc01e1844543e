/* crash KIND: die by a fault of the processor, for tests of what the kernel does then. */
#include "ulib.h"

static int constant_word = 1;
static const int read_only_word = 1;

static void write_null(void) { *(volatile int *)NULL = 1; }
static void read_kernel(void) { (void)*(volatile int *)0xffff800000000000; }
static void write_text(void) { *(volatile int *)(u64)&read_only_word = 2; }
static void undefined(void) { __asm__ volatile("ud2"); }
static void breakpoint(void) { __asm__ volatile("int3"); }
static void halt(void) { __asm__ volatile("hlt"); }
static void jump_away(void) { ((void (*)(void))0x1000)(); }
static void jump_to_data(void) { ((void (*)(void))(u64)&constant_word)(); }

static void read_non_canonical(void)
{
    __asm__ volatile("movl (%0), %%eax" : : "r"(0x8000000000000000) : "eax", "memory");
}

static void divide_by_zero(void)
{
    __asm__ volatile("divl %0" : : "r"(0), "a"(1), "d"(0));
}

static void overflow_stack(void)
{
    for (volatile char *at = (volatile char *)__builtin_frame_address(0);; at -= PAGE_SIZE / 2)
        *at = 1;
}

static const struct {
    const char *name;
    void (*act)(void);
} kinds[] = {
    {"null", write_null},     {"kernel", read_kernel},  {"rodata", write_text},
    {"gp", read_non_canonical}, {"ud", undefined},      {"div0", divide_by_zero},
    {"int3", breakpoint},     {"hlt", halt},            {"jump", jump_away},
    {"nx", jump_to_data},     {"stack", overflow_stack},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < COUNT(kinds); i++) {
        if (!strcmp(kinds[i].name, argv[1])) {
            kinds[i].act();
            die(1, "survived %s", argv[1]);
        }
    }
    print_error("usage: crash KIND, one of:");
    for (size_t i = 0; i < COUNT(kinds); i++)
        print_error(" %s", kinds[i].name);
    print_error("\n");
    return 2;
}
