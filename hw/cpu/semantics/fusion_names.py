"""Which micro-ops are fused to pairs.

The neighbours that were counted most often while busybox (sort, gzip, awk, sed, grep, sh, md5sum
and others), C programs compiled with -O2 and -O3, and the routines of ``python -m bench core`` ran:
of three neighbours two are in this table. ``name:field`` says that the field of that micro-op is
the register ``a`` of the first.
"""

from typing import Final

#: First -> second handlers, with a blank between them.
SECONDS: Final[dict[str, str]] = {
    "add32_rr": "mov32_rr",
    "add64_ri": "lea64_x mov64_rr pop64_r ret",
    "add64_ri_nf": (
        "add64_ri add64_ri_nf add64_rr_nf call call_far cmp32_rr_j12 cmp64_ri_j2 cmp64_ri_j2:a "
        "cmp64_ri_j3 cmp64_ri_j3:a cmp64_ri_j4 cmp64_ri_j4:a cmp64_ri_j5 cmp64_ri_j5:a "
        "cmp64_ri_j6 cmp64_ri_j6:a cmp64_ri_j7 cmp64_ri_j7:a cmp64_rr_j2 cmp64_rr_j2:a "
        "cmp64_rr_j3 cmp64_rr_j3:a cmp64_rr_j4 cmp64_rr_j4:a cmp64_rr_j4:b cmp64_rr_j5 "
        "cmp64_rr_j5:a cmp64_rr_j6 cmp64_rr_j6:a cmp64_rr_j7 cmp64_rr_j7:a cmp8_ri_j7 jmp lea64_m "
        "lea64_x mov32_mr mov32_ri mov32_rm mov32_rr mov64_mr mov64_rm mov64_rr sub32_ri_nf "
        "sub64_ri xor32_rr_nf"
    ),
    "add64_rr": "j5 j8:a j8_far jmp:a",
    "add64_rr_nf": (
        "add64_rr_nf:b cmp64_ri_j2 cmp64_ri_j2:a cmp64_ri_j3 cmp64_ri_j3:a cmp64_ri_j4 "
        "cmp64_ri_j4:a cmp64_ri_j5 cmp64_ri_j5:a cmp64_ri_j6 cmp64_ri_j6:a cmp64_ri_j7 "
        "cmp64_ri_j7:a cmp64_rr_j2 cmp64_rr_j2:a cmp64_rr_j2_far:b cmp64_rr_j3 cmp64_rr_j3:a "
        "cmp64_rr_j4 cmp64_rr_j4:a cmp64_rr_j5 cmp64_rr_j5:a cmp64_rr_j6 cmp64_rr_j6:a "
        "cmp64_rr_j7 cmp64_rr_j7:a lea64_x:base sub64_rr"
    ),
    "and32_ri": "lea64_m movzx32_16_rx:index",
    "and32_ri_nf": "cmp32_ri_j4:a",
    "and64_ri": "cmp64_rx:b",
    "and64_ri_nf": "add64_rr_nf:b",
    "and64_rr_nf": "test64_rr_j4:a",
    "cmov64_4_rr_ac": "ret",
    "cmp64_rr": "jmp_far",
    "cmp64_rx": "j5_ac",
    "cmp8_xr": "j5_ac",
    "dec32_r": "j5",
    "inc32_r_nf": "cmp32_ri_j4",
    "inc64_r_nf": "cmp64_ri_j5:a cmp64_rr_j5:a",
    "lea32_x": "mov32_mr:b",
    "lea64_m": (
        "call call_far cmov64_4_rr_ac:b jmp jmp_far lea64_m mov32_mr mov32_ri mov32_rm mov32_rr "
        "mov64_mr mov64_mr:b mov64_rm mov64_rr xor32_rr_nf"
    ),
    "lea64_x": (
        "add64_ri add64_rr_nf:b call call_far cmp64_rr_j15 cmp64_rr_j5 jmp lea64_m lea64_x "
        "lea64_x:index mov32_mr mov32_ri mov32_rm mov32_rm:base mov32_rr mov64_mr mov64_rm "
        "mov64_rr movsx64_8_rm not64_r"
    ),
    "mov32_mr": "add64_ri_nf cmp64_ri_j5 cmp64_rr_j5 jmp mov32_mr mov32_rm",
    "mov32_ri": (
        "add64_rr call call_far jmp lea64_m mov32_mr mov32_ri mov32_rm mov32_rr mov64_mr mov64_rm "
        "mov64_rr"
    ),
    "mov32_rm": (
        "add64_ri_nf call call_far cmp32_ri_j4 cmp32_ri_j5 cmp32_rr_j13 cmp32_rr_j4 cmp32_rr_j5 "
        "jmp lea64_m lea64_x mov32_mr mov32_ri mov32_rm mov32_rr mov64_mr mov64_rm mov64_rr "
        "sub32_rr:a sub64_ri_nf test32_rr_j4:b test32_rr_j5 test32_rr_j5:b xor32_rr_nf"
    ),
    "mov32_rr": (
        "add64_ri_nf and32_ri_nf:a call call_far jmp lea64_m mov32_mr mov32_ri mov32_rm mov32_rr "
        "mov64_mr mov64_rm mov64_rr push64_r rol32_ri_nf:a test32_rr_j4"
    ),
    "mov32_xr": "add64_ri_nf",
    "mov64_mr": (
        "add64_rr call call_far jmp lea64_m mov32_mr mov32_ri mov32_rm mov32_rr mov64_mr mov64_rm "
        "mov64_rr test64_rr_j4 xor32_rr xor32_rr_nf"
    ),
    "mov64_rm": (
        "add64_ri_nf and64_ri_nf:a call call_far cmp64_ri_j4 cmp64_ri_j5 cmp64_rm_j3:b "
        "cmp64_rr_j4 cmp64_rr_j5 ea ea:a jmp lea64_m mov32_mr mov32_ri mov32_rm mov32_rm:base "
        "mov32_rr mov64_mr mov64_mr:b mov64_rm mov64_rr mov64_rr:b movzx32_8_rr test64_rr_j4:b "
        "test64_rr_j5:b test8_ri_j4_far:a"
    ),
    "mov64_rr": (
        "add64_ri add64_ri_nf add64_rr add64_rr:a and64_ri:a and64_ri_nf:a call call_far call_m "
        "cmp64_mr_j3 cmp64_ri_j2 cmp64_ri_j4:a cmp64_ri_j5:a jmp jmp:a lea64_m mov32_mr mov32_ri "
        "mov32_rm mov32_rr mov64_mr mov64_rm mov64_rr or64_rr pop64_r push64_r shl64_ri_nf:a "
        "shr64_ri_nf:a sub64_ri sub64_ri_nf sub64_rr_nf:a test64_rr_j4 test8_ri_j5"
    ),
    "mov8_mi": "add64_rr_nf",
    "mov8_ri": "jmp",
    "movsx64_32_rr": "xor32_rr_nf",
    "movzx32_16_rx": "cmp32_mr_j3:b",
    "movzx32_8_rm": "add64_ri_nf cmp8_ri_j4 cmp8_ri_j5 test8_rr_j4:b test8_rr_j5:b",
    "movzx32_8_rr": "xor32_rx_nf:index",
    "movzx32_8_rx": "mov32_rr:b test32_rr_j4",
    "not64_r": "and64_rr_nf:a",
    "or64_rr": "shld64_ri",
    "or64_rr_nf": "xor64_rr:a",
    "pop64_r": "pop64_r ret",
    "push64_i": "push64_r",
    "push64_r": (
        "call call_far jmp lea64_m mov32_mr mov32_ri mov32_rm mov32_rr mov64_mr mov64_rm mov64_rr "
        "push64_r sub64_ri"
    ),
    "shl64_ri_nf": "xor64_rr:a",
    "shld64_ri": "xor64_rr_nf",
    "shr32_ri": "movzx32_8_rr",
    "shr64_ri_nf": "xor64_rr_nf:a",
    "sub32_ri_nf": "cmp32_ri_j7:a xor32_rr_nf",
    "sub32_rr": "j8_far",
    "sub64_ri": "ea mov32_mr mov32_mr:base mov32_rm mov64_rm push64_i",
    "sub64_ri_nf": (
        "add64_rr_nf call call_far cmp32_rr_j15 cmp64_ri_j2 cmp64_ri_j2:a cmp64_ri_j3 "
        "cmp64_ri_j3:a cmp64_ri_j4 cmp64_ri_j4:a cmp64_ri_j5 cmp64_ri_j5:a cmp64_ri_j6 "
        "cmp64_ri_j6:a cmp64_ri_j7 cmp64_ri_j7:a cmp64_rr_j2 cmp64_rr_j2:a cmp64_rr_j3 "
        "cmp64_rr_j3:a cmp64_rr_j4 cmp64_rr_j4:a cmp64_rr_j5 cmp64_rr_j5:a cmp64_rr_j6 "
        "cmp64_rr_j6:a cmp64_rr_j7 cmp64_rr_j7:a jmp lea64_m mov32_mr mov32_ri mov32_rm mov32_rr "
        "mov64_mr mov64_rm mov64_rr sub64_ri_nf"
    ),
    "sub64_rr": "mov64_mr",
    "sub64_rr_nf": "cmp64_rr_j3:a",
    "xor32_rr": "call_far:a jmp mov32_ri mov32_rr mov64_rr",
    "xor32_rr_nf": (
        "add32_rr:b add64_rr and32_rr_nf:a call call_far cmp64_ri_j5 jmp lea64_m mov32_mr "
        "mov32_ri mov32_rm mov32_rr mov64_mr mov64_rm mov64_rr shr32_ri test32_rr_j5:b "
        "test64_rr_j4"
    ),
    "xor32_rx_nf": "cmp64_ri_j5 cmp64_rr_j5",
    "xor64_rr": "mov64_rr:b",
    "xor64_rr_nf": "mov64_rr mov64_rr:b or64_rr_nf",
}
