message("SKIPPED: cuDNN 9.8 or newer was not found when configuring, or this is the sanitizers' build")

# SPDX-License-Identifier: Apache-2.0
