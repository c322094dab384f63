#include "textflag.h"

DATA ·onViolation(SB)/4, $handler<>(SB)
GLOBL ·onViolation(SB), NOPTR, $4

// handler is called by the kernel, with the signal's number in R0 and its siginfo in R1.
TEXT handler<>(SB), NOSPLIT|TOPFRAME, $4-0
	MOVW R1, 4(R13)
	CALL ·violated(SB)
	UNDEF
