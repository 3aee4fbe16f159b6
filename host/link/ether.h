/* What the drivers of Ethernet frames share. */
#ifndef AKSU_HOST_LINK_ETHER_H
#define AKSU_HOST_LINK_ETHER_H

#include "aksu/host.h"

#include <sys/uio.h>

#define AK_ETHER_HEADER_MAX 18u /* with a tag */

/* Completes a config: an address, if it has none.  -EINVAL: a field is out of its range. */
int ak_ether_make(const aksu_ether_config *config, const char *device, aksu_ether_config *ret_config,
                  aksu_host_error *ret_error);
void ak_ether_link_config(const aksu_ether_config *config, aksu_link_config *link_config);

/* Frames of less than 60 bytes are padded with zeros (IEEE 802.3 s3.2.7), never with what happens to lie there
 * (CVE-2003-0001).  False: it is long enough. */
bool ak_ether_pad(uint32_t frame_bytes, struct iovec *ret_iov);

#endif
