/* Entry of every program, and the two places where C cannot express the stack. */

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

    .section .note.GNU-stack, "", @progbits
