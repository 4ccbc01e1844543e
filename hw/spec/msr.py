"""Numbers of model-specific registers.

Spec: AMD64 APM vol. 2, appendix A.
State: none. Context: any.
"""

from typing import Final

MSR_TSC: Final = 0x10
MSR_PATCH_LEVEL: Final = 0x8B
MSR_MTRR_CAP: Final = 0xFE
MSR_SYSENTER_CS: Final = 0x174
MSR_SYSENTER_ESP: Final = 0x175
MSR_SYSENTER_EIP: Final = 0x176
MSR_MCG_CAP: Final = 0x179
MSR_MCG_STATUS: Final = 0x17A
MSR_MCG_CTL: Final = 0x17B
MSR_DEBUG_CTL: Final = 0x1D9
MSR_LAST_BRANCH: Final = (0x1DB, 0x1DC, 0x1DD, 0x1DE)
MSR_MTRR_PHYS: Final = tuple(range(0x200, 0x210))
MSR_MTRR_FIXED: Final = (
    0x250, 0x258, 0x259, 0x268, 0x269, 0x26A, 0x26B, 0x26C, 0x26D, 0x26E, 0x26F,
)  # fmt: skip
MSR_PAT: Final = 0x277
MSR_MTRR_DEFAULT: Final = 0x2FF
#: CTL, STATUS, ADDR and MISC of each bank of the machine-check architecture.
MC_BANKS: Final = 4
MSR_MC: Final = tuple(range(0x400, 0x400 + 4 * MC_BANKS))
MSR_EFER: Final = 0xC000_0080
MSR_STAR: Final = 0xC000_0081
MSR_LSTAR: Final = 0xC000_0082
MSR_CSTAR: Final = 0xC000_0083
MSR_SFMASK: Final = 0xC000_0084
MSR_FS_BASE: Final = 0xC000_0100
MSR_GS_BASE: Final = 0xC000_0101
MSR_KERNEL_GS_BASE: Final = 0xC000_0102
MSR_TSC_AUX: Final = 0xC000_0103
MSR_PERF_EVENT: Final = tuple(range(0xC001_0000, 0xC001_0008))
MSR_SYSCFG: Final = 0xC001_0010
MSR_HWCR: Final = 0xC001_0015
MSR_IORR: Final = (0xC001_0016, 0xC001_0017, 0xC001_0018, 0xC001_0019)
MSR_TOP_MEM: Final = 0xC001_001A
MSR_TOP_MEM2: Final = 0xC001_001D
MSR_NB_CFG: Final = 0xC001_001F
MSR_INTERRUPT_PENDING: Final = 0xC001_0055
MSR_PSTATE: Final = (0xC001_0061, 0xC001_0062, 0xC001_0063, 0xC001_0064)
MSR_VM_CR: Final = 0xC001_0114
MSR_VM_HSAVE_PA: Final = 0xC001_0117
MSR_OSVW: Final = (0xC001_0140, 0xC001_0141)
#: Switches of single models, which kernels set to work around errors.
MSR_LS_CFG: Final = 0xC001_1020
MSR_IC_CFG: Final = 0xC001_1021
MSR_DC_CFG: Final = 0xC001_1022
MSR_FP_CFG: Final = 0xC001_1028
MSR_DE_CFG: Final = 0xC001_1029
MSR_BU_CFG2: Final = 0xC001_102A

#: Of EFER and PAT after reset.
PAT_RESET: Final = 0x0007_0406_0007_0406
