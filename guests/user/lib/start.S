/* Entry of every program, and what C cannot express about the stack. */

    .text

/* The kernel starts a program here: rsp points at argc, argv, envp and auxv (System V ABI
   x86-64, 3.4.1), rsp is 16-byte aligned and nothing else is promised. */
    .globl _start
    .type _start, @function
_start:
    xorl %ebp, %ebp
    movq %rsp, %rdi
    andq $-16, %rsp
    call start_main
    ud2
    .size _start, . - _start

/* long thread_clone(unsigned long flags, void *stack_top, void (*body)(void *), void *argument)
   Returns the new thread's id in the old thread; the new one runs body and ends by exit(2). */
    .globl thread_clone
    .type thread_clone, @function
thread_clone:
    andq $-16, %rsi
    subq $16, %rsi
    movq %rdx, 0(%rsi)
    movq %rcx, 8(%rsi)
    xorl %edx, %edx
    xorl %r10d, %r10d
    xorl %r8d, %r8d
    movl $56, %eax
    syscall
    testq %rax, %rax
    jnz 1f
    xorl %ebp, %ebp
    popq %rax
    popq %rdi
    call *%rax
    xorl %edi, %edi
    movl $60, %eax
    syscall
    ud2
1:  ret
    .size thread_clone, . - thread_clone

/* Where a signal handler returns to: rt_sigreturn(2). */
    .globl signal_return
    .type signal_return, @function
signal_return:
    movl $15, %eax
    syscall
    ud2
    .size signal_return, . - signal_return

/* int jump_point(u64 place[8]): 0 at first, 1 when jump_back comes to it (C's setjmp). */
    .globl jump_point
    .type jump_point, @function
jump_point:
    movq %rbx, 0(%rdi)
    movq %rbp, 8(%rdi)
    movq %r12, 16(%rdi)
    movq %r13, 24(%rdi)
    movq %r14, 32(%rdi)
    movq %r15, 40(%rdi)
    leaq 8(%rsp), %rdx
    movq %rdx, 48(%rdi)
    movq (%rsp), %rdx
    movq %rdx, 56(%rdi)
    xorl %eax, %eax
    ret
    .size jump_point, . - jump_point

/* void jump_back(u64 place[8]) */
    .globl jump_back
    .type jump_back, @function
jump_back:
    movq 0(%rdi), %rbx
    movq 8(%rdi), %rbp
    movq 16(%rdi), %r12
    movq 24(%rdi), %r13
    movq 32(%rdi), %r14
    movq 40(%rdi), %r15
    movq 48(%rdi), %rsp
    movl $1, %eax
    jmp *56(%rdi)
    .size jump_back, . - jump_back

    .section .note.GNU-stack, "", @progbits
