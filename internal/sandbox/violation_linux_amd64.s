#include "textflag.h"

DATA ·onViolation(SB)/8, $handler<>(SB)
GLOBL ·onViolation(SB), NOPTR, $8

// handler is called by the kernel, with the signal's number in DI and its siginfo in SI.
TEXT handler<>(SB), NOSPLIT|TOPFRAME, $8-0
	MOVQ SI, 0(SP)
	CALL ·violated(SB)
	INT  $3
