"""The frame half-way between two by OpenCV's DIS flow: python dis_contestant.py IMG0 IMG1 OUT"""

import sys

import cv2
import numpy as np

img0, img1 = (cv2.imread(name) for name in sys.argv[1:3])
grey0, grey1 = (cv2.cvtColor(img, cv2.COLOR_BGR2GRAY) for img in (img0, img1))
dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
flow01, flow10 = dis.calc(grey0, grey1, None), dis.calc(grey1, grey0, None)
x, y = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in grey0.shape[::-1]))
# Super SloMo's flow from the middle to both frames, equation 4 at t = 1/2
to0, to1 = (flow10 - flow01) / 4, (flow01 - flow10) / 4
edge = {"interpolation": cv2.INTER_LINEAR, "borderMode": cv2.BORDER_REPLICATE}
warped = [
    cv2.remap(img, x + to[..., 0], y + to[..., 1], **edge) for img, to in ((img0, to0), (img1, to1))
]
cv2.imwrite(sys.argv[3], cv2.addWeighted(warped[0], 0.5, warped[1], 0.5, 0))
