#include "textflag.h"

DATA ·onViolation(SB)/4, $handler<>(SB)
GLOBL ·onViolation(SB), NOPTR, $4

// handler is called by the kernel, with the signal's number and its siginfo on the stack.
TEXT handler<>(SB), NOSPLIT|TOPFRAME, $4-8
	MOVL info+4(FP), AX
	MOVL AX, 0(SP)
	CALL ·violated(SB)
	INT  $3
