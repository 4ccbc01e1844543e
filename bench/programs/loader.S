/* The least of a kernel for QEMU: multiboot entry, long mode with 4 KiB pages, two system calls.
 *
 * The flat image holds this at 1 MiB and the program where its ELF wants it; addresses are mapped
 * one to one. SYSCALL stays in ring 0: write goes to the debug console, exit to the exit port. */
#define TABLES 0x200000
#define MAPPED_TABLES 8
#define ALL 7                                   /* present, writable, user */

.code32
.globl _start
_start:
 jmp enter
.align 4
header:
 .long 0x1BADB002, 0x10003, -(0x1BADB002 + 0x10003)
 .long header, _start, IMAGE_END, IMAGE_END, enter

enter:
 movl $TABLES, %edi
 xorl %eax, %eax
 movl $((3 + MAPPED_TABLES) * 1024), %ecx
 rep stosl
 movl $(TABLES + 0x1000 + ALL), TABLES
 movl $(TABLES + 0x2000 + ALL), TABLES + 0x1000
 movl $(TABLES + 0x2000), %edi                  /* page directory */
 movl $(TABLES + 0x3000 + ALL), %eax
 movl $MAPPED_TABLES, %ecx
1: movl %eax, (%edi)
 addl $8, %edi
 addl $0x1000, %eax
 loop 1b
 movl $(TABLES + 0x3000), %edi                  /* page tables */
 movl $ALL, %eax
 movl $(MAPPED_TABLES * 512), %ecx
1: movl %eax, (%edi)
 addl $8, %edi
 addl $0x1000, %eax
 loop 1b
 movl $0x620, %eax                              /* PAE, OSFXSR, OSXMMEXCPT */
 movl %eax, %cr4
 movl $TABLES, %eax
 movl %eax, %cr3
 movl $0xC0000080, %ecx                         /* EFER: SCE, LME */
 movl $0x101, %eax
 xorl %edx, %edx
 wrmsr
 movl $0x80000033, %eax
 movl %eax, %cr0
 lgdt descriptor
 ljmp $8, $long_mode

.code64
long_mode:
 movl $16, %eax
 movl %eax, %ss
 movl %eax, %ds
 movl %eax, %es
 movl $0xC0000081, %ecx                         /* STAR */
 xorl %eax, %eax
 movl $8, %edx
 wrmsr
 movl $0xC0000082, %ecx                         /* LSTAR */
 movl $system_call, %eax
 xorl %edx, %edx
 wrmsr
 movl $STACK, %esp
 movl $ENTRY, %eax
 jmp *%rax

system_call:
 cmpl $1, %eax
 jne 2f
 movl %edx, %eax
 xchgq %rcx, %rdx                               /* count to rcx, return address to rdx */
 movq %rdx, %rdi
 movl $0xE9, %edx
 rep outsb
 jmp *%rdi
2: movb $0, %al
 outb %al, $0xF4
 hlt

.align 8
table: .quad 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF
descriptor: .word 23
 .long table
