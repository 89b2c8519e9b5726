/* The script runner: position independent, no stack, no writes but into its area.
 * r12: current operation; r13: head of the script. Offsets are those of script.h. */
        .text
        .globl stasis_runner_begin, stasis_runner_end
        .hidden stasis_runner_begin, stasis_runner_end
        .balign 16
stasis_runner_begin:
        mov     16(%r13), %r12          /* entered with r13 = head */
run:
        mov     72(%r12), %ecx
        cmp     $1, %ecx
        je      wait
        cmp     $2, %ecx
        je      post
        cmp     $3, %ecx
        je      end
call:
        mov     0(%r12), %rax
        mov     8(%r12), %rdi
        mov     16(%r12), %rsi
        mov     24(%r12), %rdx
        mov     32(%r12), %r10
        mov     40(%r12), %r8
        mov     48(%r12), %r9
        syscall
        test    %rax, %rax
        jnz     store
        mov     88(%r12), %rcx
        test    %rcx, %rcx
        jz      store
        mov     %rcx, %r13              /* a child goes on with its own script */
        mov     16(%r13), %r12
        jmp     run
store:
        mov     %rax, 56(%r12)
        mov     64(%r12), %rcx
        test    %rcx, %rcx
        jz      demand
        mov     %rax, (%rcx)
demand:
        mov     76(%r12), %ecx
        test    %ecx, %ecx
        jz      next
        cmp     $1, %ecx
        jne     exactly
        cmp     $-4095, %rax
        jae     failed
        jmp     next
exactly:
        cmp     80(%r12), %rax
        jne     failed
next:
        mov     96(%r12), %r12
        jmp     run
wait:
        mov     8(%r12), %rdi
        mov     (%rdi), %edx
        cmp     16(%r12), %edx
        jae     next
        xor     %esi, %esi              /* FUTEX_WAIT, shared: runners are in several processes */
        xor     %r10d, %r10d
        mov     $202, %eax
        syscall
        jmp     wait
post:
        mov     8(%r12), %rdi
        mov     16(%r12), %eax
        lock addl %eax, (%rdi)
        mov     $1, %esi                /* FUTEX_WAKE */
        mov     $0x7fffffff, %edx
        mov     $202, %eax
        syscall
        jmp     next
failed:
        mov     %r12, 8(%r13)
        mov     $2, %ecx
        jmp     finish
end:
        mov     $1, %ecx
finish:
        mov     %ecx, %r12d
        xchg    %ecx, (%r13)
        mov     24(%r13), %rdi          /* the word that counts scripts that ended, or 0 */
        test    %rdi, %rdi
        jz      stop
        lock incl (%rdi)
        mov     $1, %esi
        mov     $0x7fffffff, %edx
        mov     $202, %eax
        syscall
stop:
        cmpl    $0, 4(%r13)
        je      leave
        int3
leave:
        cmp     $2, %r12d
        jne     park
        mov     $1, %edi
        mov     $231, %eax              /* exit_group(2): nobody waits for what failed */
        syscall
park:
        mov     $34, %eax               /* pause(2), until a ptracer takes over */
        syscall
        jmp     park
stasis_runner_end:

        .globl stasis_runner_enter
        .hidden stasis_runner_enter
stasis_runner_enter:                    /* (code, head) */
        mov     %rsi, %r13
        jmp     *%rdi
        .section .note.GNU-stack, "", @progbits
